package notebook

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"os"
	"slices"
	"strings"

	"github.com/janpfeifer/gonb/gonbui/protocol"

	"github.com/ventral-lab/ventral/pkg/figure"
)

// framesBudget is the most that a slider may add to a notebook: two of them and two figures stay below 2 MB.
const framesBudget = 900 << 10

// maxFrames keeps a slider's positions apart: more cannot be hit with a mouse.
const maxFrames = 400

// Frames shows a slider over figures that are already there, one for each label: layers, steps, angles. It is one
// piece of HTML with everything in it, so it works in exported HTML and on a plane; a notebook that is not trusted and
// a code host show the first figure. The figures should have one size. Outside a notebook the HTML is written into
// $VENTRAL_OUT/figures or ./out/figures and its path printed; when VENTRAL_OUT is set the figures are saved there too.
func Frames(title string, labels []string, figs []*figure.Figure) error {
	return showFrames(title, labels, figs, "", nil)
}

// FramesSwitch is Frames with a check box beside the slider: while it is ticked, the figure of others at the same place is
// shown instead, such as the same layer of an untrained network. Both share the budget of a slider.
func FramesSwitch(title string, labels []string, figs []*figure.Figure, box string, others []*figure.Figure) error {
	if box == "" || len(others) != len(figs) {
		return fmt.Errorf("notebook: frames %q: %d figures and %d for the box %q: there must be as many, and a name for the box", title, len(figs), len(others), box)
	}
	return showFrames(title, labels, figs, box, others)
}

func showFrames(title string, labels []string, figs []*figure.Figure, box string, others []*figure.Figure) error {
	if len(figs) == 0 || len(figs) != len(labels) || len(figs) > maxFrames {
		return fmt.Errorf("notebook: frames %q: %d labels for %d figures: there must be as many, 1 to %d", title, len(labels), len(figs), maxFrames)
	}
	figs = slices.Concat(figs, others)
	for i, f := range figs {
		if f == nil {
			return fmt.Errorf("notebook: frames %q: figure %d (%s) is nil: check the error of its constructor", title, i, labels[i%len(labels)])
		}
	}
	pngs, err := framePNGs(figs)
	if err != nil {
		return err
	}
	page, err := framesHTML(title, labels, pngs, box)
	if err != nil {
		return err
	}
	if os.Getenv(outVariable) != "" {
		for _, f := range figs {
			if _, err := f.Save(folder("figures")); err != nil {
				return err
			}
		}
	}
	if !out.notebook() {
		path, err := writeFile(slug(title)+".html", []byte("<!DOCTYPE html>\n<meta charset=\"utf-8\">\n<title>"+html.EscapeString(title)+"</title>\n"+page))
		if err != nil {
			return err
		}
		fmt.Fprintf(stdout(), "frames %s: %s\n", title, path)
		return nil
	}
	return out.send(bundle{protocol.MIMETextHTML: page, protocol.MIMETextPlain: title + ": " + strings.Join(labels, ", ")}, "")
}

// framePNGs draws all frames at the best resolution that keeps within the budget.
func framePNGs(figs []*figure.Figure) ([][]byte, error) {
	var all [][]byte
	for _, dpi := range screenDPI {
		all = all[:0]
		total := 0
		for _, f := range figs {
			b, err := f.PNG(dpi)
			if err != nil {
				return nil, err
			}
			b = light(b)
			all = append(all, b)
			if total += base64.StdEncoding.EncodedLen(len(b)); total > framesBudget && dpi != screenDPI[len(screenDPI)-1] {
				break
			}
		}
		if len(all) == len(figs) && total <= framesBudget {
			break
		}
	}
	return all, nil
}

// framesHTML is the slider. The picture and its first frame are plain HTML; the script adds the control, so that a
// reader without the script sees a picture and no dead control. With a box there are two pictures a label, those for the
// ticked box behind the others.
func framesHTML(title string, labels []string, pngs [][]byte, box string) (string, error) {
	h := sha256.New()
	rest := make([]string, 0, len(pngs))
	for i, b := range pngs {
		h.Write(b)
		if i > 0 {
			rest = append(rest, base64.StdEncoding.EncodeToString(b))
		}
	}
	id := "ventral-" + hex.EncodeToString(h.Sum(nil)[:6])
	// Marshal writes <, > and & as escapes, so no label can end the script.
	js, err := json.Marshal(struct {
		Labels []string `json:"labels"`
		Frames []string `json:"frames"`
		Box    string   `json:"box,omitempty"`
	}{labels, rest, box})
	if err != nil {
		return "", fmt.Errorf("notebook: frames %q: %w", title, err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<div class=%s style="font-family:Arial,Helvetica,sans-serif">`, attribute(id))
	fmt.Fprintf(&b, `<div style="font-size:13px;margin:4px 0"><b>%s</b> <span>%s</span></div>`, html.EscapeString(title), html.EscapeString(labels[0]))
	fmt.Fprintf(&b, `<img alt=%s style="max-width:100%%;background:#fff" src="data:image/png;base64,%s"></div>`, attribute(title), base64.StdEncoding.EncodeToString(pngs[0]))
	fmt.Fprintf(&b, "\n<script>\n(function(){\nvar d=%s;\nvar all=document.querySelectorAll('.%s:not([data-on])');\n", js, id)
	b.WriteString(`for(var i=0;i<all.length;i++){(function(box){
box.setAttribute("data-on","1");
var img=box.querySelector("img"),name=box.querySelector("span");
var src=[img.src].concat(d.frames.map(function(f){return "data:image/png;base64,"+f}));
var s=document.createElement("input");
s.type="range";s.min=0;s.max=d.labels.length-1;s.step=1;s.value=0;
s.style.width="min(100%,420px)";s.style.display="block";
s.setAttribute("aria-label","frame");
var c=document.createElement("input");
c.type="checkbox";
function show(){var k=+s.value;img.src=src[k+(c.checked?d.labels.length:0)];name.textContent=d.labels[k]+(c.checked?", "+d.box:"");s.setAttribute("aria-valuetext",d.labels[k])}
s.addEventListener("input",show);
c.addEventListener("change",show);
s.addEventListener("keydown",function(e){e.stopPropagation()});
box.insertBefore(s,img);
if(d.box){var l=document.createElement("label");l.style.fontSize="13px";l.style.display="block";l.appendChild(c);l.appendChild(document.createTextNode(" "+d.box));box.insertBefore(l,img)}
})(all[i])}
})();
</script>
`)
	return b.String(), nil
}

// slug is a file name made of a title.
func slug(s string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(s) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	out := strings.Trim(b.String(), "-")
	if out == "" {
		return "frames"
	}
	return out[:min(len(out), 80)]
}
