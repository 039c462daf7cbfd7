module github.com/ventral-lab/ventral/datasets/scenes/atlas/gen

go 1.26.8

require (
	eliasnaur.com/font v0.0.0-20230308162249-dd43949cb42d
	github.com/ventral-lab/ventral v0.0.0
	golang.org/x/exp/shiny v0.0.0-20260908205506-85c1c2202aba
)

require (
	golang.org/x/image v0.46.0 // indirect
	golang.org/x/sys v0.48.0 // indirect
)

replace github.com/ventral-lab/ventral => ../../../..
