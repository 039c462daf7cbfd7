package scenes

import "github.com/ventral-lab/ventral/internal/raster"

// mapHeight is the height of a map to its width: 360 degrees of longitude to 150 of latitude.
const mapHeight = 150.0 / 360

// mapTop is the latitude of a world map's upper border, in degrees north; the lower one is 150 degrees south of it.
const mapTop = 84

// lands are coarse outlines of the land of the earth (degrees east and north), set down by hand from memory to about five
// degrees: a map to recognise, not to measure on.
var lands = [][]float64{
	{ // North America
		-168, 66, -156, 71, -128, 70, -110, 68, -94, 72, -82, 70, -85, 62, -94, 59, -82, 53, -79, 60, -70, 61, -64, 58, -56, 52, -66, 48, -65, 44, -71, 42, -75, 36,
		-81, 31, -80, 25, -83, 29, -90, 29, -97, 26, -97, 20, -91, 18, -87, 21, -88, 16, -83, 15, -83, 10, -78, 8, -84, 9, -92, 14, -105, 20, -109, 25, -114, 30, -110, 24,
		-117, 33, -124, 40, -124, 48, -133, 56, -145, 60, -153, 57, -164, 60},
	{-50, 60, -42, 60, -24, 69, -20, 76, -30, 83, -58, 82, -70, 77, -54, 70},                                                                    // Greenland
	{-88, 74, -72, 72, -62, 66, -70, 63, -80, 70, -118, 71, -120, 76, -92, 80, -64, 82},                                                         // the islands north of Canada
	{-80, 9, -72, 12, -60, 8, -50, 0, -35, -7, -39, -18, -48, -27, -57, -38, -65, -45, -69, -53, -74, -50, -71, -30, -70, -18, -81, -6, -80, 1}, // South America
	{ // Europe and Asia
		-9, 43, -2, 43, 3, 50, 8, 54, 10, 58, 20, 55, 24, 59, 22, 65, 12, 57, 5, 60, 12, 67, 25, 71, 40, 67, 50, 69, 68, 73, 80, 73, 105, 78, 130, 73, 160, 70, 180, 69, 178, 63,
		163, 60, 156, 51, 156, 60, 140, 58, 140, 53, 131, 43, 127, 39, 129, 35, 126, 35, 121, 39, 122, 31, 117, 23, 108, 21, 109, 12, 105, 9, 100, 13, 103, 2, 99, 8, 98, 16,
		91, 22, 80, 15, 77, 8, 73, 19, 67, 25, 57, 26, 50, 30, 56, 25, 59, 22, 52, 16, 44, 12, 35, 28, 36, 36, 27, 37, 28, 41, 41, 42, 32, 46, 23, 41, 23, 37, 19, 41, 13, 45, 18, 40, 15, 38,
		8, 44, 3, 42, -1, 37, -6, 36, -9, 38},
	{-6, 50, 1, 51, 0, 54, -3, 58, -6, 57, -3, 54}, // Britain
	{-10, 52, -6, 52, -6, 55, -9, 55},              // Ireland
	{-24, 66, -14, 66, -15, 64, -22, 64},           // Iceland
	{-6, 36, 10, 37, 20, 31, 32, 31, 38, 18, 43, 11, 51, 12, 40, -5, 40, -16, 33, -27, 26, -34, 18, -34, 12, -18, 13, -6, 9, 4, -8, 4, -17, 14, -16, 22}, // Africa
	{44, -24, 50, -16, 49, -12, 44, -17},                            // Madagascar
	{131, 31, 141, 36, 141, 41, 145, 44, 141, 45, 139, 38, 132, 34}, // Japan
	{95, 5, 105, -3, 114, -8, 106, -7, 101, -2},                     // Sumatra and Java
	{109, 1, 117, 7, 118, 1, 115, -4, 110, -3},                      // Borneo
	{120, 18, 126, 7, 122, 8, 119, 14},                              // the Philippines
	{131, -1, 141, -3, 150, -10, 143, -9, 137, -7},                  // New Guinea
	{114, -22, 122, -18, 130, -12, 136, -12, 142, -11, 146, -19, 153, -27, 150, -37, 141, -38, 131, -32, 116, -35}, // Australia
	{173, -35, 178, -38, 170, -46, 167, -45}, // New Zealand
}

// drawMap draws the item's window of the world, with a mark where the region lies.
func (c *worldCanvas) drawMap(dst []uint8, it *item) {
	n := c.size
	w, h := float64(it.w*float64(n)), float64(it.h*float64(n))
	left, top := float64(it.x*float64(n))-w/2, float64(it.y*float64(n))-h/2
	perDegree := float64(w / 360 * it.zoom)
	r := &regions[it.index]
	// The middle of the window: that of the world, moved towards the region as far as the border allows, and a little off it.
	lon0, lat0 := mapCentre(it)
	x0 := left + w/2 - float64(lon0*perDegree)
	y0 := top + h/2 + float64(lat0*perDegree)
	// The sheet of the map is the item's coverage.
	c.boxMask(left, top, left+w, top+h)
	copy(c.alpha, c.mask)
	blend(dst, c.alpha, n, 0, n, it.paint.rgb)
	inside := func(rgb [3]uint8) {
		y0, y1 := c.z.Mask(c.mask)
		for i := y0 * n; i < y1*n; i++ {
			c.mask[i] = uint8((uint32(c.mask[i])*uint32(c.alpha[i]) + 127) / 255)
		}
		blend(dst, c.mask, n, y0, y1, rgb)
	}
	for _, land := range lands {
		pts := c.pts[:0]
		for i := 0; i < len(land); i += 2 {
			pts = append(pts, raster.Point{X: x0 + float64(land[i]*perDegree), Y: y0 - float64(land[i+1]*perDegree)})
		}
		c.pts = pts
		c.z.Polygon(pts)
		inside(it.paint.rgb2)
	}
	mx, my := x0+float64(r.lon*perDegree), y0-float64(r.lat*perDegree)
	m := float64(0.055 * w)
	for _, q := range [2]struct {
		r   float64
		rgb [3]uint8
	}{{m, snowy}, {float64(0.72 * m), rosy}} {
		pts := c.pts[:0]
		for _, u := range unitCircle {
			pts = append(pts, raster.Point{X: mx + float64(q.r*u.X), Y: my + float64(q.r*u.Y)})
		}
		c.pts = pts
		c.z.Polygon(pts)
		inside(q.rgb)
	}
}

// mapCentre is the longitude and latitude of the middle of the map's window.
func mapCentre(it *item) (lon, lat float64) {
	r := &regions[it.index]
	halfLon, halfLat := 180/it.zoom, 75/it.zoom
	lon = r.lon + float64(it.jitter[0]*0.4*halfLon)
	lat = r.lat + float64(it.jitter[1]*0.4*halfLat)
	mid := float64(mapTop - 75)
	return min(max(lon, halfLon-180), 180-halfLon), min(max(lat, mid-75+halfLat), mid+75-halfLat)
}
