package main

import (
	"runtime"
	"runtime/debug"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/ventral-lab/ventral/internal/setup"
)

func init() { register(newVersion) }

// versionInfo is what `ventral version --json` prints.
type versionInfo struct {
	Version  string            `json:"version"`
	Revision string            `json:"revision,omitempty"`
	Go       string            `json:"go"`
	Platform string            `json:"platform"`
	SIMD     bool              `json:"simd"`
	Modules  map[string]string `json:"modules"`
}

// namedModules are the dependencies that results depend on.
var namedModules = []string{"github.com/gomlx/gomlx", "github.com/gomlx/compute", "github.com/gomlx/go-xla", "gonum.org/v1/gonum"}

func newVersion() *cobra.Command {
	c := &cobra.Command{
		Use:     "version",
		GroupID: groupUpkeep,
		Short:   "Print the version of ventral and of what numbers depend on",
		Long: `Print the version of this program, the Go toolchain it was built with, whether that was
with SIMD, and the versions of the modules that compute.`,
		Example: `  ventral version
  ventral version --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			v := readVersion()
			rows := [][]string{{"ventral", v.Version + " " + v.Revision}, {"go", v.Go}, {"platform", v.Platform}, {"simd", strconv.FormatBool(v.SIMD)}}
			for _, name := range namedModules {
				if v.Modules[name] != "" {
					rows = append(rows, []string{name, v.Modules[name]})
				}
			}
			return emit(cmd, v, nil, rows)
		},
	}
	addJSON(c)
	return c
}

func readVersion() versionInfo {
	v := versionInfo{
		Version: "(devel)", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
		SIMD: setup.SIMD(), Modules: map[string]string{},
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	if info.Main.Version != "" {
		v.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			v.Revision = s.Value
		}
	}
	deps := map[string]string{}
	for _, d := range info.Deps {
		deps[d.Path] = d.Version
	}
	for _, name := range namedModules {
		if deps[name] != "" {
			v.Modules[name] = deps[name]
		}
	}
	return v
}
