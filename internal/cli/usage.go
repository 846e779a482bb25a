package cli

import "github.com/alecthomas/kingpin/v2"

// usageTemplate is kingpin's, but that the program's own help shows the flags of
// the default command too: they are what most people look for.
var usageTemplate = kingpin.DefaultUsageTemplate + `
{{- if not .Context.SelectedCommand}}{{range .App.Commands}}{{if .Default -}}
Flags of {{.Name}}, and of the program where no command is given:
{{.Flags|FlagsToTwoColumns|FormatTwoColumns}}
{{end}}{{end}}{{end -}}
`
