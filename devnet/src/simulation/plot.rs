//! A plot as a small SVG file: lines and dots over two axes, each plain or by powers of ten.

use std::fmt::Write as _;

const LEFT: f64 = 76.0;
const TOP: f64 = 48.0;
const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 320.0;
const KEY: f64 = 210.0;
const COLOURS: [&str; 8] = [
    "#1b6ca8", "#c8502b", "#2e8b57", "#8a4fbe", "#b58900", "#777777", "#d0417e", "#3aa6a6",
];

/// One axis.
#[derive(Clone, Debug)]
pub struct Axis {
    /// What it counts.
    pub label: String,
    /// By powers of ten; values of 0 and below are left out.
    pub log: bool,
}

impl Axis {
    /// Even steps.
    #[must_use]
    pub fn plain(label: &str) -> Self {
        Self {
            label: label.to_owned(),
            log: false,
        }
    }

    /// Powers of ten.
    #[must_use]
    pub fn log(label: &str) -> Self {
        Self {
            label: label.to_owned(),
            log: true,
        }
    }
}

/// How points are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Joined.
    Line,
    /// Joined, with a dot each.
    DottedLine,
    /// A dot each.
    Dots,
    /// Joined by dashes: computed, not simulated.
    Dashes,
}

/// Some points of one kind.
#[derive(Clone, Debug)]
pub struct Series {
    /// As the key says it.
    pub name: String,
    /// Which colour; series of equal number look alike.
    pub colour: usize,
    /// How.
    pub mark: Mark,
    /// Where.
    pub points: Vec<(f64, f64)>,
}

/// A picture.
#[derive(Clone, Debug)]
pub struct Plot {
    /// Above it.
    pub title: String,
    /// Below it.
    pub across: Axis,
    /// At its left.
    pub up: Axis,
    /// What is drawn, in this order.
    pub series: Vec<Series>,
}

/// Where an axis begins and ends, in its own measure (logarithms when by powers of ten).
#[derive(Clone, Copy)]
struct Range {
    low: f64,
    high: f64,
    log: bool,
}

impl Range {
    fn of(values: impl Iterator<Item = f64>, log: bool) -> Self {
        let measured = values.filter_map(|value| measure(value, log));
        let (mut low, mut high) = measured.fold((f64::MAX, f64::MIN), |(low, high), value| {
            (low.min(value), high.max(value))
        });
        if low > high {
            (low, high) = (0.0, 1.0);
        }
        if log {
            (low, high) = ((low + 1e-9).floor(), (high - 1e-9).ceil());
        } else {
            low = low.min(0.0);
        }
        if high - low < 1e-12 {
            high = low + 1.0;
        }
        if !log {
            let step = step_of(high - low);
            high = (high / step - 1e-9).ceil() * step;
            low = (low / step + 1e-9).floor() * step;
        }
        Self { low, high, log }
    }

    fn share(&self, value: f64) -> Option<f64> {
        measure(value, self.log).map(|value| (value - self.low) / (self.high - self.low))
    }

    /// Where lines of the grid go, and what stands there.
    fn ticks(&self) -> Vec<(f64, String)> {
        let step = if self.log {
            ((self.high - self.low) / 8.0).ceil().max(1.0)
        } else {
            step_of(self.high - self.low)
        };
        let mut ticks = Vec::new();
        let mut at = self.low;
        while at <= self.high + step * 1e-6 {
            let share = (at - self.low) / (self.high - self.low);
            let text = if self.log {
                if (-3.0..=4.0).contains(&at) {
                    super::report::rounded(10_f64.powf(at))
                } else {
                    format!("1e{at:.0}")
                }
            } else {
                short(at)
            };
            ticks.push((share, text));
            at += step;
        }
        ticks
    }
}

fn measure(value: f64, log: bool) -> Option<f64> {
    if !value.is_finite() || (log && value <= 0.0) {
        return None;
    }
    Some(if log { value.log10() } else { value })
}

/// 1, 2 or 5 times a power of ten: four to ten of them in the range.
fn step_of(range: f64) -> f64 {
    let ten = 10_f64.powf(range.log10().floor());
    match range / ten {
        part if part < 2.0 => ten / 5.0,
        part if part < 5.0 => ten / 2.0,
        _ => ten,
    }
}

fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 1e9 => format!("{}G", super::report::rounded(value / 1e9)),
        size if size >= 1e6 => format!("{}M", super::report::rounded(value / 1e6)),
        size if size >= 1e4 => format!("{}k", super::report::rounded(value / 1e3)),
        size if size < 1e-9 => "0".to_owned(),
        _ => super::report::rounded(value),
    }
}

impl Plot {
    /// The file's text.
    #[must_use]
    pub fn to_svg(&self) -> String {
        let points = || self.series.iter().flat_map(|series| series.points.iter());
        let across = Range::of(points().map(|point| point.0), self.across.log);
        let up = Range::of(points().map(|point| point.1), self.up.log);
        let mut out = String::new();
        let (whole_width, whole_height) = (LEFT + WIDTH + KEY, TOP + HEIGHT + 56.0);
        put(
            &mut out,
            format_args!(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {whole_width} {whole_height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
                 <rect width=\"{whole_width}\" height=\"{whole_height}\" fill=\"#ffffff\"/>\n\
                 <text x=\"{LEFT}\" y=\"26\" font-size=\"15\" fill=\"#111111\">{}</text>",
                escaped(&self.title)
            ),
        );
        self.grid(&mut out, across, up);
        let mut line = 0;
        for series in &self.series {
            series.draw(&mut out, across, up);
            if !series.name.is_empty() {
                series.key(&mut out, line);
                line += 1;
            }
        }
        out.push_str("</svg>\n");
        out
    }

    fn grid(&self, out: &mut String, across: Range, up: Range) {
        for (share, text) in across.ticks() {
            let x = LEFT + WIDTH * share;
            put(
                out,
                format_args!(
                    "<line x1=\"{x:.1}\" y1=\"{TOP}\" x2=\"{x:.1}\" y2=\"{}\" stroke=\"#e4e4e4\"/>\
                     <text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\" fill=\"#444444\">{text}</text>",
                    TOP + HEIGHT,
                    TOP + HEIGHT + 18.0
                ),
            );
        }
        for (share, text) in up.ticks() {
            let y = TOP + HEIGHT * (1.0 - share);
            put(
                out,
                format_args!(
                    "<line x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{}\" y2=\"{y:.1}\" stroke=\"#e4e4e4\"/>\
                     <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#444444\">{text}</text>",
                    LEFT + WIDTH,
                    LEFT - 8.0,
                    y + 4.0
                ),
            );
        }
        put(
            out,
            format_args!(
                "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\" fill=\"#111111\">{}</text>\n\
                 <text transform=\"translate(18 {}) rotate(-90)\" text-anchor=\"middle\" fill=\"#111111\">{}</text>",
                LEFT + WIDTH / 2.0,
                TOP + HEIGHT + 42.0,
                escaped(&self.across.label),
                TOP + HEIGHT / 2.0,
                escaped(&self.up.label)
            ),
        );
    }
}

impl Series {
    fn draw(&self, out: &mut String, across: Range, up: Range) {
        let colour = COLOURS[self.colour % COLOURS.len()];
        let places: Vec<(f64, f64)> = self
            .points
            .iter()
            .filter_map(|(x, y)| Some((across.share(*x)?, up.share(*y)?)))
            .map(|(x, y)| (LEFT + WIDTH * x, TOP + HEIGHT * (1.0 - y)))
            .collect();
        if self.mark != Mark::Dots {
            let path: Vec<String> = places
                .iter()
                .map(|(x, y)| format!("{x:.1},{y:.1}"))
                .collect();
            let dashes = if self.mark == Mark::Dashes {
                " stroke-dasharray=\"5 4\""
            } else {
                ""
            };
            put(
                out,
                format_args!(
                    "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.8\"{dashes} points=\"{}\"/>",
                    path.join(" ")
                ),
            );
        }
        if matches!(self.mark, Mark::Dots | Mark::DottedLine) {
            for (x, y) in places {
                put(
                    out,
                    format_args!(
                        "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.2\" fill=\"{colour}\"/>"
                    ),
                );
            }
        }
    }

    fn key(&self, out: &mut String, line: u32) {
        let colour = COLOURS[self.colour % COLOURS.len()];
        let (x, y) = (LEFT + WIDTH + 16.0, TOP + 12.0 + 18.0 * f64::from(line));
        let dashes = if self.mark == Mark::Dashes {
            " stroke-dasharray=\"5 4\""
        } else {
            ""
        };
        put(
            out,
            format_args!(
                "<line x1=\"{x}\" y1=\"{y}\" x2=\"{}\" y2=\"{y}\" stroke=\"{colour}\" stroke-width=\"3\"{dashes}/>\
                 <text x=\"{}\" y=\"{}\" fill=\"#111111\">{}</text>",
                x + 22.0,
                x + 30.0,
                y + 4.0,
                escaped(&self.name)
            ),
        );
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

fn put(out: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to a string does not fail.
    writeln!(out, "{line}").unwrap_or_default();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(up: Axis, points: Vec<(f64, f64)>) -> String {
        Plot {
            title: "k < n & more".to_owned(),
            across: Axis::plain("day"),
            up,
            series: vec![Series {
                name: "waiting".to_owned(),
                colour: 0,
                mark: Mark::DottedLine,
                points,
            }],
        }
        .to_svg()
    }

    /// Centres of the dots.
    fn dots(svg: &str) -> Vec<(f64, f64)> {
        let number = |text: &str, name: &str| -> f64 {
            let from = text.find(name).unwrap() + name.len();
            let rest = &text[from..];
            rest[..rest.find('"').unwrap()].parse().unwrap()
        };
        svg.lines()
            .filter(|line| line.starts_with("<circle"))
            .map(|line| (number(line, "cx=\""), number(line, "cy=\"")))
            .collect()
    }

    #[test]
    fn points_stand_where_the_axes_say() {
        let svg = plot(
            Axis::plain("slots"),
            vec![(0.0, 0.0), (5.0, 10.0), (10.0, 5.0)],
        );
        let expected = [
            (LEFT, TOP + HEIGHT),
            (LEFT + WIDTH / 2.0, TOP),
            (LEFT + WIDTH, TOP + HEIGHT / 2.0),
        ];
        assert_eq!(dots(&svg), expected);
        assert!(svg.contains("k &lt; n &amp; more"), "text is escaped");
    }

    #[test]
    fn powers_of_ten_are_evenly_spaced_and_zero_is_left_out() {
        let svg = plot(
            Axis::log("share"),
            vec![(0.0, 0.01), (1.0, 0.0), (1.0, 0.1), (2.0, 1.0)],
        );
        let heights: Vec<f64> = dots(&svg).into_iter().map(|dot| dot.1).collect();
        assert_eq!(heights, [TOP + HEIGHT, TOP + HEIGHT / 2.0, TOP]);
    }

    #[test]
    fn nothing_to_draw_is_an_empty_frame() {
        let svg = plot(Axis::plain("slots"), Vec::new());
        assert!(svg.ends_with("</svg>\n") && dots(&svg).is_empty(), "{svg}");
    }
}
