// Package policy judges which connections are expected.
//
// A [Policy] is a list of rules that a person wrote down. Each allows some types
// of telemetry from some orgs to some others, perhaps until a day, perhaps as
// something that must be there. [Policy.Judge] holds an inventory's snapshot
// against them. A connection is judged type by type: logs may be expected where
// audit is not.
//
//	rule.go      what a rule says, and which orgs it means
//	policy.go    reading the file
//	judge.go     what is unexpected, what is missing
//	index.go     finding the rules about an org
//	current.go   the policy in force, and the last judgement of an inventory
//	baseline.go  writing a policy of what is there
//
// The package is pure: the same snapshot at the same time gives the same
// judgement. Reading the file is left to the caller as well.
package policy
