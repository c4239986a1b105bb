//! How memory grows, as a drawing: both axes logarithmic, so that what costs the same for each
//! session is a straight line.

use std::fmt::Write as _;

use super::page::grouped;
use super::{Run, count};

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 440.0;
const LEFT: f64 = 80.0;
const RIGHT: f64 = 740.0;
const TOP: f64 = 20.0;
const BOTTOM: f64 = 380.0;

/// The ends of the axes: sessions, and octets.
const SESSIONS: (f64, f64) = (1e3, 1e6);
const OCTETS: (f64, f64) = (1e6, 1e11);

/// What is drawn of a run.
struct Line<'a> {
    name: &'a str,
    colour: &'a str,
    points: Vec<(f64, f64)>,
}

/// The drawing.
pub(super) fn svg(runs: &[Run]) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"white\"/>\n"
    );
    axes(&mut svg);
    let lines: Vec<Line<'_>> = runs.iter().flat_map(lines).collect();
    for (number, line) in (0_u8..).zip(&lines) {
        draw(&mut svg, line, TOP + 18.0 + 20.0 * f64::from(number));
    }
    svg + "</svg>\n"
}

fn lines(run: &Run) -> [Line<'static>; 2] {
    let of = |octets: fn(&super::Step) -> f64| {
        run.steps.iter().map(|step| (count(step.sessions), octets(step))).collect()
    };
    let (server, kernel) = (of(|step| step.memory), of(|step| step.kernel));
    match run.tls {
        false => [
            Line { name: "server, in the clear", colour: "#1b6ca8", points: server },
            Line { name: "kernel, both ends, in the clear", colour: "#8fbcdb", points: kernel },
        ],
        true => [
            Line { name: "server, under TLS", colour: "#b5482a", points: server },
            Line { name: "kernel, both ends, under TLS", colour: "#e0a58f", points: kernel },
        ],
    }
}

fn place(value: f64, ends: (f64, f64), from: f64, to: f64) -> f64 {
    let part = (value.max(ends.0) / ends.0).log10() / (ends.1 / ends.0).log10();
    from + (to - from) * part.min(1.0)
}

fn x(sessions: f64) -> f64 {
    place(sessions, SESSIONS, LEFT, RIGHT)
}

fn y(octets: f64) -> f64 {
    place(octets, OCTETS, BOTTOM, TOP)
}

fn axes(svg: &mut String) {
    for sessions in [1_000, 10_000, 100_000, 1_000_000] {
        let at = x(count(sessions));
        let _ = writeln!(
            svg,
            "<line x1=\"{at:.1}\" y1=\"{TOP}\" x2=\"{at:.1}\" y2=\"{BOTTOM}\" stroke=\"#ddd\"/>\n\
             <text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            BOTTOM + 20.0,
            grouped(sessions)
        );
    }
    for (octets, name) in
        [(1e6, "1 MB"), (1e7, "10 MB"), (1e8, "100 MB"), (1e9, "1 GB"), (1e10, "10 GB"), (1e11, "")]
    {
        let at = y(octets);
        let _ = writeln!(
            svg,
            "<line x1=\"{LEFT}\" y1=\"{at:.1}\" x2=\"{RIGHT}\" y2=\"{at:.1}\" stroke=\"#ddd\"/>\n\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{name}</text>",
            LEFT - 8.0,
            at + 4.0
        );
    }
    let _ = writeln!(
        svg,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">idle sessions</text>",
        f64::midpoint(LEFT, RIGHT),
        BOTTOM + 44.0
    );
}

fn draw(svg: &mut String, line: &Line<'_>, legend: f64) {
    let Line { name, colour, points } = line;
    let path: Vec<String> = points
        .iter()
        .map(|(sessions, octets)| format!("{:.1},{:.1}", x(*sessions), y(*octets)))
        .collect();
    let _ = writeln!(
        svg,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
        path.join(" ")
    );
    for point in &path {
        let (x, y) = point.split_once(',').unwrap_or_default();
        let _ = writeln!(svg, "<circle cx=\"{x}\" cy=\"{y}\" r=\"3\" fill=\"{colour}\"/>");
    }
    let _ = writeln!(
        svg,
        "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"4\" fill=\"{colour}\"/>\n\
         <text x=\"{:.1}\" y=\"{:.1}\">{name}</text>",
        LEFT + 16.0,
        legend - 4.0,
        LEFT + 28.0,
        legend
    );
}

#[cfg(test)]
mod tests {
    use super::super::Step;
    use super::*;

    #[test]
    fn every_step_is_a_point_within_the_axes() {
        let step = |sessions, memory| Step { sessions, memory, kernel: 1.0, ..Step::default() };
        let steps = vec![step(1_000, 2e6), step(1_000_000, 2e9)];
        let drawn = svg(&[Run { steps, ..Run::default() }]);
        assert_eq!(drawn.matches("r=\"3\"").count(), 4);
        assert!(drawn.contains(&format!("cx=\"{LEFT:.1}\"")), "{drawn}");
        assert!(drawn.contains(&format!("cx=\"{RIGHT:.1}\"")), "{drawn}");
        assert!(drawn.starts_with("<svg") && drawn.ends_with("</svg>\n"));
    }
}
