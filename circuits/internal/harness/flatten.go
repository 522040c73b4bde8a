package harness

import (
	"reflect"

	"github.com/consensys/gnark/frontend"
)

var variable = reflect.TypeFor[frontend.Variable]()

// walk calls visit for each variable in v, in the order of fields and elements.
func walk(v reflect.Value, visit func(reflect.Value)) {
	switch {
	case v.Type() == variable:
		visit(v)
	case v.Kind() == reflect.Pointer:
		walk(v.Elem(), visit)
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				walk(v.Field(i), visit)
			}
		}
	case v.Kind() == reflect.Slice || v.Kind() == reflect.Array:
		for i := range v.Len() {
			walk(v.Index(i), visit)
		}
	}
}

// Flatten lists the variables of structs, arrays and slices in order.
func Flatten(values ...any) (inputs []frontend.Variable) {
	for _, v := range values {
		walk(reflect.ValueOf(v), func(leaf reflect.Value) { inputs = append(inputs, leaf.Interface()) })
	}
	return inputs
}

// Fill sets the variables of what the pointers point to, in the order of Flatten.
func Fill(inputs []frontend.Variable, targets ...any) {
	for _, target := range targets {
		walk(reflect.ValueOf(target).Elem(), func(leaf reflect.Value) {
			leaf.Set(reflect.ValueOf(inputs[0]))
			inputs = inputs[1:]
		})
	}
}
