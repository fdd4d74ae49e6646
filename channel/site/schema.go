package site

import (
	_ "embed"
	"encoding/json"
	"slices"
)

//go:embed schema.json
var schema []byte

// Schema is the JSON Schema (2020-12) of the order payload, and in its $defs, as
// return_message, of the payload about a return: data of a webhook and body of
// the REST intake, for the API document and for people who connect a
// shop. The readers are stricter in few things (control characters, dates).
func Schema() json.RawMessage { return slices.Clone(schema) }
