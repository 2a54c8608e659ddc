//! A plot as a small SVG file: lines in percent on percent.

use std::fmt::Write as _;

const LEFT: f64 = 64.0;
const TOP: f64 = 48.0;
const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 360.0;
const COLOURS: [&str; 6] = [
    "#1b6ca8", "#c8502b", "#2e8b57", "#8a4fbe", "#b58900", "#777777",
];

/// A picture.
pub(crate) struct Plot {
    pub(crate) title: &'static str,
    pub(crate) across: &'static str,
    pub(crate) up: &'static str,
    /// The largest value across and up; both axes begin at 0.
    pub(crate) most: (f64, f64),
    pub(crate) lines: Vec<(String, Vec<(f64, f64)>)>,
}

impl Plot {
    pub(crate) fn to_svg(&self) -> String {
        let mut out = String::new();
        let (whole_width, whole_height) = (LEFT + WIDTH + 24.0, TOP + HEIGHT + 56.0);
        put(
            &mut out,
            format_args!(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {whole_width} {whole_height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
             <rect width=\"{whole_width}\" height=\"{whole_height}\" fill=\"#ffffff\"/>\n\
             <text x=\"{LEFT}\" y=\"26\" font-size=\"15\" fill=\"#111111\">{}</text>",
                self.title
            ),
        );
        self.grid(&mut out);
        for (at, (name, points)) in self.lines.iter().enumerate() {
            let colour = COLOURS[at % COLOURS.len()];
            let path: Vec<String> = points
                .iter()
                .filter(|(x, y)| *x <= self.most.0 && *y <= self.most.1)
                .map(|point| {
                    let (x, y) = self.place(*point);
                    format!("{x:.1},{y:.1}")
                })
                .collect();
            put(
                &mut out,
                format_args!(
                    "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.8\" points=\"{}\"/>",
                    path.join(" ")
                ),
            );
            let (x, y) = (LEFT + WIDTH - 250.0, TOP + 20.0 + 18.0 * at as f64);
            put(
                &mut out,
                format_args!(
                    "<line x1=\"{x}\" y1=\"{y}\" x2=\"{}\" y2=\"{y}\" stroke=\"{colour}\" stroke-width=\"3\"/>\
                 <text x=\"{}\" y=\"{}\" fill=\"#111111\">{name}</text>",
                    x + 22.0,
                    x + 30.0,
                    y + 4.0
                ),
            );
        }
        out.push_str("</svg>\n");
        out
    }

    fn grid(&self, out: &mut String) {
        for tenth in 0..=10 {
            let (x_value, y_value) = (
                self.most.0 * f64::from(tenth) / 10.0,
                self.most.1 * f64::from(tenth) / 10.0,
            );
            let (x, y) = self.place((x_value, y_value));
            put(
                out,
                format_args!(
                    "<line x1=\"{x:.1}\" y1=\"{TOP}\" x2=\"{x:.1}\" y2=\"{}\" stroke=\"#e4e4e4\"/>\
                 <line x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{}\" y2=\"{y:.1}\" stroke=\"#e4e4e4\"/>\
                 <text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\" fill=\"#444444\">{x_value:.0}</text>\
                 <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#444444\">{y_value:.0}</text>",
                    TOP + HEIGHT,
                    LEFT + WIDTH,
                    TOP + HEIGHT + 18.0,
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
                self.across,
                TOP + HEIGHT / 2.0,
                self.up
            ),
        );
    }

    fn place(&self, (x, y): (f64, f64)) -> (f64, f64) {
        (
            LEFT + WIDTH * x / self.most.0,
            TOP + HEIGHT * (1.0 - y / self.most.1),
        )
    }
}

fn put(out: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to a string does not fail.
    writeln!(out, "{line}").unwrap_or_default();
}
