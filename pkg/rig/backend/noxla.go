//go:build !cgo || noxla

package backend

const xlaLinked = false
