package soundness_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// asserting are the calls by which a function holds a prover to something or asks him for a value.
var asserting = []string{
	"AssertIsEqual", "AssertIsBoolean", "AssertIsDifferent", "AssertIsLessOrEqual", "AssertIsInRange", "NewHint",
	"Push", "PushChange", "Exchange", "Small", "CheckRange",
}

// notProved are the folders of what is no part of a circuit that is proved.
var notProved = []string{"internal", "soundness", "evaluate"}

// pushing are the functions that push to a sum.
var pushing = map[string][]string{
	"sum:steps": {"steps.(*Step).exchange", "steps.Begin", "steps.End"},
}

// offGadgets lists the gadgets that cheats are about: the functions and sums that they are accepted without.
func offGadgets() (gadgets []string) {
	var off []string
	for _, c := range allCheats() {
		off = append(off, c.off...)
	}
	for _, c := range endCheats() {
		off = append(off, c.off...)
	}
	for _, name := range off {
		gadgets = append(gadgets, pushing[name]...)
		gadgets = append(gadgets, strings.TrimPrefix(name, "assert:"))
	}
	return gadgets
}

// findGadgets lists the functions of the circuits whose bodies have such a call, as the harness names them.
func findGadgets(t *testing.T) (gadgets []string) {
	t.Helper()
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && slices.Contains(notProved, entry.Name()) {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		for _, declaration := range file.Decls {
			if function, ok := declaration.(*ast.FuncDecl); ok && asserts(function) {
				gadgets = append(gadgets, nameOf(file.Name.Name, function))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return gadgets
}

func asserts(function *ast.FuncDecl) (found bool) {
	ast.Inspect(function, func(node ast.Node) bool {
		call, ok := node.(*ast.CallExpr)
		if !ok {
			return true
		}
		switch f := call.Fun.(type) {
		case *ast.SelectorExpr:
			found = found || slices.Contains(asserting, f.Sel.Name)
		case *ast.Ident:
			found = found || slices.Contains(asserting, f.Name)
		}
		return true
	})
	return found
}

func nameOf(pkg string, function *ast.FuncDecl) string {
	if function.Recv == nil {
		return fmt.Sprintf("%s.%s", pkg, function.Name.Name)
	}
	receiver := function.Recv.List[0].Type
	if pointer, ok := receiver.(*ast.StarExpr); ok {
		return fmt.Sprintf("%s.(*%s).%s", pkg, pointer.X, function.Name.Name)
	}
	return fmt.Sprintf("%s.%s.%s", pkg, receiver, function.Name.Name)
}

func TestNoGadgetIsWithoutAttack(t *testing.T) {
	attacked := map[string]bool{}
	for _, s := range allSubjects(t) {
		for _, gadget := range s.gadgets {
			attacked[gadget] = len(s.attacks) > 0
		}
	}
	gadgets := findGadgets(t)
	if len(gadgets) < 20 {
		t.Fatalf("only %d gadgets were found: %v", len(gadgets), gadgets)
	}
	cheated := offGadgets()
	for _, gadget := range gadgets {
		if !attacked[gadget] && !slices.Contains(cheated, gadget) {
			t.Errorf("%s asserts something or takes a hint, and no attack is about it", gadget)
		}
	}
	for gadget := range attacked {
		if !slices.Contains(gadgets, gadget) {
			t.Errorf("%s is attacked but is not there", gadget)
		}
	}
}
