package cml

import (
	"encoding/json"
	"encoding/xml"
	"strings"
)

// Node is an element as the file has it, nothing left out: attributes as "@name",
// text beside them as "#", elements by their local names. An element of text alone
// is a string, one that comes several times a list. It is JSON as it stands.
type Node map[string]any

// UnmarshalXML reads an element.
func (n *Node) UnmarshalXML(d *xml.Decoder, start xml.StartElement) error {
	v, err := nodeOf(d, start, 1)
	if err != nil {
		return err
	}
	*n, _ = v.(Node)
	if text, ok := v.(string); ok {
		*n = Node{"#": text}
	}
	return nil
}

func nodeOf(d *xml.Decoder, start xml.StartElement, depth int) (any, error) {
	if depth > maxDepth {
		return nil, errDepth
	}
	n := Node{}
	for _, a := range start.Attr {
		if a.Name.Local != "xmlns" && a.Name.Space != "xmlns" {
			n["@"+a.Name.Local] = a.Value
		}
	}
	var text strings.Builder
	for {
		tok, err := d.Token()
		if err != nil {
			return nil, err
		}
		switch t := tok.(type) {
		case xml.CharData:
			text.Write(t)
		case xml.StartElement:
			child, err := nodeOf(d, t, depth+1)
			if err != nil {
				return nil, err
			}
			n.add(t.Name.Local, child)
		case xml.EndElement:
			if s := strings.TrimSpace(text.String()); len(n) == 0 {
				return s, nil
			} else if s != "" {
				n["#"] = s
			}
			return n, nil
		}
	}
}

func (n Node) add(name string, child any) {
	switch old := n[name].(type) {
	case nil:
		n[name] = child
	case []any:
		n[name] = append(old, child)
	default:
		n[name] = []any{old, child}
	}
}

// ParseNode reads a Node back from its JSON.
func ParseNode(body []byte) (Node, error) {
	var n Node
	err := json.Unmarshal(body, &n)
	return n, err
}

// Text is the text of an element below, "" when it is not there; of several the
// first.
func (n Node) Text(path ...string) string {
	for _, name := range path[:len(path)-1] {
		list := n.All(name)
		if len(list) == 0 {
			return ""
		}
		n = list[0]
	}
	v := n[path[len(path)-1]]
	if list, ok := v.([]any); ok && len(list) > 0 {
		v = list[0]
	}
	switch v := v.(type) {
	case string:
		return strings.TrimSpace(v)
	case Node:
		return v.Text("#")
	case map[string]any:
		return Node(v).Text("#")
	}
	return ""
}

// All are the elements at a path; text alone comes as {"#": text}.
func (n Node) All(path ...string) []Node {
	here := []Node{n}
	for _, name := range path {
		var below []Node
		for _, x := range here {
			below = append(below, x.children(name)...)
		}
		here = below
	}
	return here
}

func (n Node) children(name string) []Node {
	list, ok := n[name].([]any)
	if !ok && n[name] != nil {
		list = []any{n[name]}
	}
	var out []Node
	for _, v := range list {
		switch v := v.(type) {
		case string:
			out = append(out, Node{"#": v})
		case Node:
			out = append(out, v)
		case map[string]any:
			out = append(out, v)
		}
	}
	return out
}

// Requisites are the named values below an element; a name that comes twice keeps
// its last value.
func (n Node) Requisites() map[string]string {
	out := map[string]string{}
	for _, r := range append(n.All("ЗначенияРеквизитов", "ЗначениеРеквизита"), n.children("ЗначениеРеквизита")...) {
		out[r.Text("Наименование")] = clip(r.Text("Значение"), 3000)
	}
	return out
}
