package api

import (
	"reflect"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orderhub/orderhub"
)

// maskAnswer masks every answer of the API for callers who may not read personal
// data. It is told by the tags of the types what that is.
func maskAnswer(ctx huma.Context, _ string, v any) (any, error) {
	if mayRead(ctx.Context(), orderhub.PersonalData) {
		return v, nil
	}
	return Masked(v), nil
}

// Masked gives a copy of a value whose fields with the tag "personal" are masked:
// phone, email, name and text as orderhub.MaskPhone and so on; drop leaves
// them out, hidden is a payload of any kind. The value itself stays as it is.
func Masked(v any) any {
	if v == nil {
		return nil
	}
	return masked(reflect.ValueOf(v)).Interface()
}

func masked(v reflect.Value) reflect.Value {
	if !holdsPersonal(v.Type()) {
		return v
	}
	switch v.Kind() { //nolint:exhaustive // values of other kinds have no fields
	case reflect.Pointer:
		if v.IsNil() {
			return v
		}
		out := reflect.New(v.Type().Elem())
		out.Elem().Set(masked(v.Elem()))
		return out
	case reflect.Interface:
		if v.IsNil() {
			return v
		}
		out := reflect.New(v.Type()).Elem()
		out.Set(masked(v.Elem()))
		return out
	case reflect.Slice:
		if v.IsNil() {
			return v
		}
		out := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		for i := range v.Len() {
			out.Index(i).Set(masked(v.Index(i)))
		}
		return out
	case reflect.Map:
		if v.IsNil() {
			return v
		}
		out := reflect.MakeMapWithSize(v.Type(), v.Len())
		for _, k := range v.MapKeys() {
			out.SetMapIndex(k, masked(v.MapIndex(k)))
		}
		return out
	case reflect.Struct:
		return maskedStruct(v)
	default:
		return v
	}
}

func maskedStruct(v reflect.Value) reflect.Value {
	out := reflect.New(v.Type()).Elem()
	out.Set(v)
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if !f.IsExported() {
			continue
		}
		if kind, ok := f.Tag.Lookup("personal"); ok {
			maskField(out.Field(i), kind)
			continue
		}
		out.Field(i).Set(masked(v.Field(i)))
	}
	return out
}

// maskField masks a text, a list of texts, or whatever else by emptying it.
func maskField(f reflect.Value, kind string) {
	switch {
	case kind == "hidden" && f.Kind() == reflect.Interface:
		if !f.IsNil() {
			f.Set(reflect.ValueOf("hidden: it takes the permission " + string(orderhub.PersonalData)))
		}
	case f.Kind() == reflect.String:
		f.SetString(maskWord(kind, f.String()))
	case f.Type() == reflect.TypeFor[[]string]() && kind != "drop":
		list := make([]string, f.Len())
		for i := range list {
			list[i] = maskWord(kind, f.Index(i).String())
		}
		if !f.IsNil() {
			f.Set(reflect.ValueOf(list))
		}
	default:
		f.SetZero()
	}
}

func maskWord(kind, s string) string {
	switch kind {
	case "phone":
		return orderhub.MaskPhone(s)
	case "email":
		return orderhub.MaskEmail(s)
	case "name":
		return orderhub.MaskName(s)
	case "drop":
		return ""
	default:
		return orderhub.MaskText(s)
	}
}

var personalTypes sync.Map // reflect.Type → bool

// holdsPersonal reports whether values of a type may have tagged fields somewhere.
func holdsPersonal(t reflect.Type) bool {
	if known, ok := personalTypes.Load(t); ok {
		return known.(bool)
	}
	holds := looksPersonal(t, map[reflect.Type]bool{})
	personalTypes.Store(t, holds)
	return holds
}

func looksPersonal(t reflect.Type, seen map[reflect.Type]bool) bool {
	if seen[t] {
		return false
	}
	seen[t] = true
	switch t.Kind() { //nolint:exhaustive // values of other kinds have no fields
	case reflect.Interface:
		return t.NumMethod() == 0 // anything may be in it
	case reflect.Pointer, reflect.Slice, reflect.Map:
		return looksPersonal(t.Elem(), seen)
	case reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			if _, ok := f.Tag.Lookup("personal"); f.IsExported() && (ok || looksPersonal(f.Type, seen)) {
				return true
			}
		}
	default:
	}
	return false
}
