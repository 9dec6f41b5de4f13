package report

import (
	"bytes"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/warrener/warrener/internal/bench"
)

const (
	width    = 8 * vg.Inch
	margin   = vg.Length(14)
	textSize = 12
)

// ours, theirs and bare are told apart in grey as well.
func ours() color.Color   { return color.RGBA{R: 0xd9, G: 0x5f, B: 0x02, A: 0xff} }
func theirs() color.Color { return color.RGBA{R: 0x6b, G: 0x8e, B: 0xb5, A: 0xff} }
func bare() color.Color   { return color.RGBA{R: 0x44, G: 0x44, B: 0x44, A: 0xff} }

// plots writes the plots into the folder.
func (r Report) plots(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // to be read by all
		return err
	}
	for name, make := range map[string]func() (*plot.Plot, vg.Length, error){
		"drain.svg": r.drainPlot, "latency.svg": r.latencyPlot, "scaling.svg": r.scalingPlot,
	} {
		p, height, err := make()
		if err != nil {
			return err
		}
		if err := save(p, height, filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return nil
}

// save names fonts that every reader has: the library's own are on few machines, and embedding them takes 400 kB. Where
// another font is a little wider, the margin takes it.
func save(p *plot.Plot, height vg.Length, file string) error {
	canvas := vgsvg.New(width, height)
	whole := draw.New(canvas)
	whole.FillPolygon(color.White, []vg.Point{{}, {X: width}, {X: width, Y: height}, {Y: height}})
	p.Draw(draw.Crop(whole, margin, -margin, margin, -margin))
	var b bytes.Buffer
	if _, err := canvas.WriteTo(&b); err != nil {
		return err
	}
	const family = "font-family:Liberation Sans"
	content := bytes.ReplaceAll(b.Bytes(), []byte(family+";"), []byte(family+",Arial,Helvetica,sans-serif;"))
	return os.WriteFile(file, content, 0o644) //nolint:gosec // to be read by all
}

// newPlot is white, so that its text can be read on a dark page too.
func newPlot(title, axis string) *plot.Plot {
	p := plot.New()
	sans := font.Font{Typeface: "Liberation", Variant: "Sans", Size: textSize}
	p.Title.Text, p.X.Label.Text = title, axis
	p.Title.TextStyle.Font, p.Title.Padding = sans, vg.Points(8)
	p.Title.TextStyle.Font.Size = textSize + 2
	p.Legend.Padding = vg.Points(4)
	p.X.Label.TextStyle.Font, p.Y.Label.TextStyle.Font = sans, sans
	p.X.Tick.Label.Font, p.Y.Tick.Label.Font, p.Legend.TextStyle.Font = sans, sans, sans
	return p
}

// rows are the systems that have the metric, the first one on top: an axis counts from below.
func (r Report) rows(m Metric) (rows []System, titles []string, height vg.Length) {
	rows = r.having([]column{{of: metric(m)}})
	slices.Reverse(rows)
	for _, s := range rows {
		titles = append(titles, s.Title)
	}
	return rows, titles, vg.Points(110 + 24*float64(len(rows)))
}

func colourOf(s System) color.Color {
	switch {
	case s.Name == s.Against:
		return bare()
	case strings.HasPrefix(s.Name, "warrener-"):
		return ours()
	default:
		return theirs()
	}
}

func (r Report) drainPlot() (*plot.Plot, vg.Length, error) {
	rows, titles, height := r.rows(Drain)
	p := newPlot("Tasks that do nothing, one worker process", "tasks a second (median; the line spans all rounds)")
	for i, s := range rows {
		spread := bench.SpreadOf(s.Figures[Drain])
		bars, err := plotter.NewBarChart(plotter.Values{spread.Median}, vg.Points(15))
		if err != nil {
			return nil, 0, err
		}
		bars.Horizontal, bars.XMin, bars.Color, bars.LineStyle.Width = true, float64(i), colourOf(s), 0
		p.Add(bars)
		if err := span(p, spread.Min, spread.Max, float64(i)); err != nil {
			return nil, 0, err
		}
		if err := label(p, spread.Max, float64(i), whole(spread.Median)); err != nil {
			return nil, 0, err
		}
	}
	p.NominalY(titles...)
	p.X.Min, p.X.Max = 0, p.X.Max*1.1
	return p, height, nil
}

// span is a line from the least to the most.
func span(p *plot.Plot, from, to, at float64) error {
	line, err := plotter.NewLine(plotter.XYs{{X: from, Y: at}, {X: to, Y: at}})
	if err != nil {
		return err
	}
	line.Color, line.Width = color.Black, vg.Points(1.5)
	p.Add(line)
	return nil
}

func label(p *plot.Plot, x, y float64, text string) error {
	labels, err := plotter.NewLabels(plotter.XYLabels{XYs: plotter.XYs{{X: x, Y: y}}, Labels: []string{text}})
	if err != nil {
		return err
	}
	style := p.X.Tick.Label
	style.YAlign, style.XAlign = draw.YCenter, draw.XLeft
	labels.TextStyle[0], labels.Offset = style, vg.Point{X: vg.Points(8)}
	p.Add(labels)
	return nil
}

// latencyPlot has a row for each system: from half of the tasks to all but one in a hundred.
func (r Report) latencyPlot() (*plot.Plot, vg.Length, error) {
	rows, titles, height := r.rows(P50)
	p := newPlot("From publishing a task to its start, 200 tasks a second", "milliseconds, on a logarithmic axis")
	least, most := math.Inf(1), 0.0
	for i, s := range rows {
		var at [3]float64
		for j, m := range []Metric{P50, P90, P99} {
			at[j] = 0.001 // a logarithm has no zero
			if spread := bench.SpreadOf(s.Figures[m]); spread != nil {
				at[j] = max(spread.Median, at[j])
			}
		}
		least, most = min(least, at[0]), max(most, at[2])
		if err := span(p, at[0], at[2], float64(i)); err != nil {
			return nil, 0, err
		}
		for j, shape := range []draw.GlyphDrawer{draw.CircleGlyph{}, draw.RingGlyph{}, draw.CrossGlyph{}} {
			if err := mark(p, at[j], float64(i), shape, colourOf(s), []string{"p50", "p90", "p99"}[j], i == 0); err != nil {
				return nil, 0, err
			}
		}
	}
	p.NominalY(titles...)
	p.Legend.Top = true
	if len(rows) > 0 {
		from, to := math.Floor(math.Log10(least)), math.Ceil(math.Log10(most))
		p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, decades(from, to)
		p.X.Min, p.X.Max = math.Pow(10, from), math.Pow(10, to)
	}
	return p, height, nil
}

// decades are the ticks of an axis from one power of ten to another.
func decades(from, to float64) plot.ConstantTicks {
	var ticks plot.ConstantTicks
	for power := from; power <= to; power++ {
		at := math.Pow(10, power)
		ticks = append(ticks, plot.Tick{Value: at, Label: strconv.FormatFloat(at, 'f', -1, 64)})
		for i := 2.0; i < 10 && power < to; i++ {
			ticks = append(ticks, plot.Tick{Value: i * at})
		}
	}
	return ticks
}

func mark(p *plot.Plot, x, y float64, shape draw.GlyphDrawer, colour color.Color, name string, explain bool) error {
	points, err := plotter.NewScatter(plotter.XYs{{X: x, Y: y}})
	if err != nil {
		return err
	}
	points.GlyphStyle = draw.GlyphStyle{Color: colour, Radius: vg.Points(5), Shape: shape}
	p.Add(points)
	if explain {
		p.Legend.Add(name, points)
	}
	return nil
}

func (r Report) scalingPlot() (*plot.Plot, vg.Length, error) {
	p := newPlot("Tasks of 10 ms, 50 at once in each process", "worker processes")
	p.Y.Label.Text = "% of the ideal"
	for _, s := range r.having([]column{{of: metric(Of1)}}) {
		points := plotter.XYs{}
		for processes, m := range map[float64]Metric{1: Of1, 2: Of2, 4: Of4} {
			if spread := bench.SpreadOf(s.Figures[m]); spread != nil {
				points = append(points, plotter.XY{X: processes, Y: spread.Median})
			}
		}
		slices.SortFunc(points, func(a, b plotter.XY) int { return int(a.X - b.X) })
		line, marks, err := plotter.NewLinePoints(points)
		if err != nil {
			return nil, 0, err
		}
		line.Color, line.Width = colourOf(s), vg.Points(2)
		marks.GlyphStyle = draw.GlyphStyle{Color: colourOf(s), Radius: vg.Points(4), Shape: draw.CircleGlyph{}}
		if s.Against == "bare-classic" {
			line.Dashes, marks.Shape = []vg.Length{vg.Points(6), vg.Points(4)}, draw.RingGlyph{}
		}
		p.Add(line, marks)
		p.Legend.Add(s.Title, line, marks)
	}
	p.Add(plotter.NewGrid())
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0.8, 4.2, 0, 100
	p.X.Tick.Marker = plot.ConstantTicks{{Value: 1, Label: "1"}, {Value: 2, Label: "2"}, {Value: 4, Label: "4"}}
	p.Legend.YOffs = vg.Points(20)
	p.Legend.XOffs = vg.Points(-20)
	return p, 4 * vg.Inch, nil
}
