// Package policy judges which connections are expected.
//
// A [Policy] is a list of rules that a person has written to a file. Each rule allows
// some types of telemetry from some orgs to others, optionally until a day, and may
// require them. [Policy.Judge] returns what no rule allows and what is required but
// missing in a snapshot. It judges connections type by type: logs may be expected
// where audit is not.
//
//	rule.go      rules, and patterns of orgs
//	policy.go    decoding a policy file
//	judge.go     judging a snapshot
//	index.go     finding the rules about a source and a sink
//	current.go   the current policy, and a cache of the last judgement
//	baseline.go  writing a policy that allows a snapshot
//
// The package reads no files and no clocks: the same snapshot at the same time has the
// same judgement.
package policy
