package onnx
import ("testing";"os";"fmt")
func init(){ debugNode = func(i int, n *nodeProto, w *walk){ if os.Getenv("TRACE")=="" || !w.learn {return}
 for _,o:=range n.outputs { v:=w.values[o]; if v==nil {continue}; if v.fixed { if v.known!=nil && len(v.known.v)<10 { fmt.Println("   ",n.op,o,"known",v.known.v) } ; continue }
 s:=""; for _,a:=range v.axes { s+=fmt.Sprint(a) }
 fmt.Println(n.op,o,v.node.Shape().Dimensions,s) } } }
var _ testing.TB
