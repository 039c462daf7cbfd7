package recording

import ("testing";"context";"fmt")

func TestSmoke(t *testing.T) {
	dir := t.TempDir()+"/r"
	as := []ArraySpec{{Name:"visual.ln:cls",Site:"visual.ln",Reduction:"cls",Axes:[]string{"channel"},Shape:[]int{5}},{Name:"h",Shape:[]int{2,3},DType:"float16"},{Name:"k",DType:"int32"}}
	cs := []Column{{Name:"x",Kind:"float",Unit:"px"},{Name:"n",Kind:"int"},{Name:"w",Kind:"string"},{Name:"b",Kind:"bool"}}
	w, err := Create(dir, Manifest{Model:"m"}, as, cs, 10, 4)
	if err!=nil {t.Fatal(err)}
	for _,k := range w.Missing() {
		lo,hi := w.Rows(k)
		var rows []Row
		for i:=lo;i<hi;i++ { st:=OK; if i==3 {st=Corrupt}; rows=append(rows,Row{ID:fmt.Sprint("s",i),ContentHash:"é",Status:st,Labels:map[string]any{"x":float64(i),"n":i,"w":"wö","b":i%2==0}})}
		n:=hi-lo
		f:=make([]float32,n*5);h:=make([]float32,n*6);kk:=make([]int32,n)
		for i:=range f {f[i]=float32(i)}
		if err:=w.WriteChunk(k,rows,map[string]any{"visual.ln:cls":f,"h":h,"k":kk});err!=nil{t.Fatal(err)}
	}
	if err:=w.Finish();err!=nil{t.Fatal(err)}
	r,err:=Open(dir); if err!=nil{t.Fatal(err)}
	rep,err:=r.Verify(context.Background())
	t.Log(rep,err,rep.OK())
	a,_:=r.Array("visual.ln:cls")
	t.Log(a.ReadAll())
	t.Log(r.Rows(2,5))
	_,err=r.Array("visual.lm"); t.Log(err)
}
