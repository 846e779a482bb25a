// Command bench holds the exporter beside its peers:
//
//   - naive, an exporter as somebody would write it in an afternoon with the official
//     client, which lists page after page and renders anew for every scrape;
//   - static, which serves the bytes of the exporter's own exposition from memory: no
//     scrape can be faster;
//   - the download, which reads the pages of the API and throws them away: no refresh
//     can be faster.
//
// All are separate processes, built alike, and so is the simulated API (api) that they
// list: what it costs is nobody's. Those who are compared take turns within one run,
// so that whatever else the machine does meets them all; medians are compared, and
// ratios told. What takes part in a comparison is checked to be right first: both
// exporters show the same series, and a refresh shows what has changed.
//
// Between two refreshes the org that takes part in all connections gets another name,
// which every row and most series hold: nothing that was made of the listing before
// can be used again. Scrapes ask as Prometheus does, read what comes and do not
// decompress it.
//
// It needs Linux, whose /proc tells what a process uses, and Go, with which it builds
// the others: run it in the directory above, as go run ./bench. It is no test: on
// another machine the figures are others.
//
// What is where: run.go and steps.go are the order of events, build.go makes the programs,
// process.go runs them, usage.go tells what they use, api.go speaks to the simulated API,
// scrape.go and download.go are what is timed, peer.go is an exporter under measurement,
// turns.go takes the times and crowd.go the peaks of memory, exposition.go checks what is
// shown, goals.go compares, report.go prints.
package main
