package scenes

// characterWidth is the width of a character to its height.
const characterWidth = 0.84

// nCharacters is the number of cartoon characters.
const nCharacters = 8

// characterMoods are the expressions that characters have.
var characterMoods = []int{happy, sad, angry, surprised, sleeping, winking, laughing}

// character is a cartoon figure of our own: a head and a body in two colours, and what one knows it by.
type character struct {
	name       string
	head, body int // colours of the palette
	eyes       int
	back       func(p *pen, head [3]uint8) // behind the head
	face       func(p *pen, head [3]uint8) // the head
	front      func(p *pen, head [3]uint8) // over the face
}

func roundHead(p *pen, rgb [3]uint8) { p.ellipse(rgb, 0, -0.1, 0.62, 0.6) }

func squareHead(p *pen, rgb [3]uint8) {
	p.fill(rgb, -0.58, -0.6, -0.5, -0.66, 0.5, -0.66, 0.58, -0.6, 0.58, 0.38, 0.5, 0.46, -0.5, 0.46, -0.58, 0.38)
}

var characters = [nCharacters]character{
	{name: "pip", head: green, body: yellow, eyes: 1,
		back: func(p *pen, _ [3]uint8) {
			p.stroke(dark, 0.08, 0, -0.6, 0.06, -0.84)
			p.ellipse(rosy, 0.06, -0.86, 0.12, 0.12)
		}, face: roundHead},
	{name: "zog", head: purple, body: green, eyes: 2,
		back: func(p *pen, _ [3]uint8) {
			p.fill([3]uint8{245, 235, 200}, -0.56, -0.56, -0.7, -0.98, -0.22, -0.62)
			p.fill([3]uint8{245, 235, 200}, 0.56, -0.56, 0.7, -0.98, 0.22, -0.62)
		}, face: squareHead},
	{name: "mimi", head: pink, body: white, eyes: 2,
		back: func(p *pen, head [3]uint8) {
			p.ellipse(shade(head, 0.85), -0.5, -0.64, 0.28, 0.28)
			p.ellipse(shade(head, 0.85), 0.5, -0.64, 0.28, 0.28)
		}, face: roundHead,
		front: func(p *pen, _ [3]uint8) {
			p.fill(rosy, 0, -0.66, -0.3, -0.86, -0.3, -0.48)
			p.fill(rosy, 0, -0.66, 0.3, -0.86, 0.3, -0.48)
		}},
	{name: "tek", head: gray, body: gray, eyes: 2,
		back: func(p *pen, _ [3]uint8) {
			p.stroke(dark, 0.07, -0.3, -0.6, -0.42, -0.92)
			p.stroke(dark, 0.07, 0.3, -0.6, 0.42, -0.92)
			p.fill(dark, -0.7, -0.26, -0.5, -0.26, -0.5, 0.1, -0.7, 0.1)
			p.fill(dark, 0.7, -0.26, 0.5, -0.26, 0.5, 0.1, 0.7, 0.1)
		}, face: func(p *pen, head [3]uint8) {
			squareHead(p, head)
			p.fill([3]uint8{150, 220, 245}, -0.46, -0.5, 0.46, -0.5, 0.46, 0.34, -0.46, 0.34)
		}},
	{name: "bruno", head: orange, body: blue, eyes: 2,
		face: func(p *pen, head [3]uint8) { roundHead(p, between(head, [3]uint8{230, 190, 150})) },
		front: func(p *pen, _ [3]uint8) {
			p.fill(dark, -0.42, -0.98, 0.42, -0.98, 0.46, -0.52, -0.46, -0.52)
			p.fill(dark, -0.72, -0.56, 0.72, -0.56, 0.72, -0.44, -0.72, -0.44)
			p.fill([3]uint8{90, 50, 20}, 0, 0.02, 0.36, 0.1, 0.42, 0.02, 0.3, 0.2, 0, 0.14, -0.3, 0.2, -0.42, 0.02, -0.36, 0.1)
		}},
	{name: "kiki", head: yellow, body: red, eyes: 2,
		back: func(p *pen, _ [3]uint8) {
			p.fill([3]uint8{240, 110, 30}, -0.72, 0.1, -0.82, -0.5, -0.5, -0.5, -0.5, -0.96, -0.14, -0.66, 0.1, -1, 0.26, -0.64, 0.62, -0.9, 0.56, -0.46, 0.84, -0.4, 0.7, 0.1)
		}, face: roundHead},
	{name: "otto", head: blue, body: orange, eyes: 2,
		face: func(p *pen, head [3]uint8) { p.ellipse(between(head, snowy), 0, -0.16, 0.56, 0.74) },
		front: func(p *pen, _ [3]uint8) {
			for _, s := range [2]float64{-1, 1} {
				var xy [58]float64
				for i := range 29 {
					q := unitCircle[i%28]
					xy[2*i], xy[2*i+1] = float64(s*0.25)+float64(0.21*q.X), -0.22+float64(0.21*q.Y)
				}
				p.stroke(dark, 0.06, xy[:]...)
			}
		}},
	{name: "wanda", head: green, body: purple, eyes: 2,
		back: func(p *pen, _ [3]uint8) {
			p.fill([3]uint8{215, 60, 30}, -0.62, -0.4, 0.62, -0.4, 0.76, 0.5, -0.76, 0.5)
		}, face: func(p *pen, head [3]uint8) { p.ellipse(between(head, [3]uint8{225, 245, 200}), 0, -0.02, 0.56, 0.52) },
		front: func(p *pen, _ [3]uint8) {
			p.fill(dark, -0.4, -0.44, 0.12, -1, 0.4, -0.44)
			p.fill(dark, -0.78, -0.48, 0.78, -0.48, 0.78, -0.36, -0.78, -0.36)
		}},
}

// drawCharacter draws a character with its expression.
func (c *worldCanvas) drawCharacter(dst []uint8, it *item) {
	p := c.pen(dst, it)
	ch := &characters[it.index]
	head, body := it.paint.rgb, it.paint.rgb2
	// Feet, arms and body.
	p.ellipse(shade(body, 0.7), -0.24, 0.92, 0.2, 0.08)
	p.ellipse(shade(body, 0.7), 0.24, 0.92, 0.2, 0.08)
	lift := float64(0.18 * it.jitter[0])
	p.stroke(shade(head, 0.85), 0.13, -0.3, 0.55, -0.66, 0.6-lift)
	p.stroke(shade(head, 0.85), 0.13, 0.3, 0.55, 0.66, 0.6+lift)
	p.fill(body, -0.32, 0.4, 0.32, 0.4, 0.42, 0.9, -0.42, 0.9)
	if ch.back != nil {
		ch.back(p, head)
	}
	ch.face(p, head)
	p.features(it.expression, 0, -0.1, 0.62, [4]float64{}, ch.eyes)
	if ch.front != nil {
		ch.front(p, head)
	}
}
