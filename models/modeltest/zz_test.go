package modeltest_test
import ("testing";"fmt"
	"github.com/ventral-lab/ventral/models/modeltest"
	"github.com/ventral-lab/ventral/models/nasnet"
)
func TestZZ(t *testing.T){
 for _, f := range []int{4,8} { for seed := range 3 { for _,size:=range []int{33} {
	c := nasnet.Config{Filters: f, Stem: 4, Multiplier: 1, Cells: 1, Classes: 4, ImageSize: size, Pool: nasnet.PoolTF}
	r:=modeltest.Check(modeltest.Case{Config:c,Seed:uint64(seed),Sweep:4,Backends:[]string{"go"}})
	n:=0; s:=0.0; for _,x:=range r.Results { s+=x.Seconds; if x.Check=="finite"||x.Check=="gradients" { n+=len(x.Problems) } }
	fmt.Println(f,seed,size,len(r.Sites),r.Failed(),n,s)
 }}}
}
