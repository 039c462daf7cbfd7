package bridge

import (
	"fmt"
	"strconv"
	"strings"
)

// Unit is a unit of a network, or all units of a channel or a site.
type Unit struct {
	Site    string `json:"site"`
	Channel int    `json:"channel"` // All for every channel
	Y       int    `json:"y"`       // All for every place
	X       int    `json:"x"`
}

// All stands for every channel or every place.
const All = -1

// String is SITE, SITE:CHANNEL or SITE:CHANNEL,Y,X.
func (u Unit) String() string {
	switch {
	case u.Channel < 0:
		return u.Site
	case u.Y < 0:
		return fmt.Sprintf("%s:%d", u.Site, u.Channel)
	}
	return fmt.Sprintf("%s:%d,%d,%d", u.Site, u.Channel, u.Y, u.X)
}

// ParseUnit reads what String writes.
func ParseUnit(text string) (Unit, error) {
	u := Unit{Channel: All, Y: All, X: All}
	i := strings.LastIndexByte(text, ':')
	if i < 0 {
		i = len(text)
	}
	if u.Site = text[:i]; u.Site == "" {
		return u, fmt.Errorf("unit %q: want SITE, SITE:CHANNEL or SITE:CHANNEL,Y,X", text)
	}
	if i == len(text) {
		return u, nil
	}
	words := strings.Split(text[i+1:], ",")
	numbers := []*int{&u.Channel, &u.Y, &u.X}
	if len(words) != 1 && len(words) != 3 {
		return u, fmt.Errorf("unit %q: %d numbers behind the site, want CHANNEL or CHANNEL,Y,X", text, len(words))
	}
	for k, w := range words {
		n, err := strconv.Atoi(w)
		if err != nil || n < 0 {
			return u, fmt.Errorf("unit %q: %q is not a number from 0 on", text, w)
		}
		*numbers[k] = n
	}
	return u, nil
}
