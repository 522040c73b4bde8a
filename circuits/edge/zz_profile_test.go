package edge_test

import (
	"os"
	"testing"

	"github.com/consensys/gnark/profile"
)

func TestZZProfile(t *testing.T) {
	name := os.Getenv("TABLE")
	if name == "" { t.Skip() }
	size := tiny()
	size.Steps[name] = 41
	p := profile.Start(profile.WithPath("/tmp/g2/gnark.pprof"))
	count(t, size)
	p.Stop()
}
