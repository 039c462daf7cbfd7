//go:build cgo && !noxla

package backend

import _ "github.com/gomlx/go-xla/compute/xla" // registers "xla"; its plugin is found at run time, never downloaded

const xlaLinked = true
