package main

import "strings"

// onecDir is where files of 1C are kept.
func onecDir(given, engine, database string) string {
	switch {
	case given != "":
		return given
	case engine == "sqlite":
		return strings.TrimPrefix(database, "sqlite:") + ".1c"
	}
	return "orderhub.1c"
}
