//! A flame graph out of what `perf script` prints: where the time of a process goes, by callers.
//!
//! ```text
//! perf record --call-graph dwarf -F 999 --pid PID -- sleep 5
//! perf script | ferry-bench flame --title "RETR under TLS" > flame.svg
//! ```

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, BufRead};

const WIDTH: f64 = 1200.0;
const ROW: f64 = 17.0;
const TOP: f64 = 34.0;
/// What is narrower is left out, with all it calls.
const NARROWEST: f64 = 2.5;
/// The width of a letter, about.
const LETTER: f64 = 6.4;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// What stands above it
    #[arg(long, default_value = "")]
    title: String,
}

/// Where a function is: colours tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
enum Where {
    #[default]
    Program,
    Library,
    Kernel,
}

/// A function, as called from those above it.
#[derive(Debug, Default)]
struct Frame {
    samples: u64,
    calls: BTreeMap<(String, Where), Self>,
}

impl Frame {
    fn depth(&self, width: f64) -> usize {
        let share = |frame: &Self| width * ratio(frame.samples, self.samples);
        let calls = self.calls.values().filter(|frame| share(frame) >= NARROWEST);
        1 + calls.map(|frame| frame.depth(share(frame))).max().unwrap_or(0)
    }
}

/// Reads samples from standard input and prints the drawing.
///
/// # Errors
/// There is none, or the input cannot be read.
pub(crate) fn run(arguments: &Arguments) -> io::Result<()> {
    let root = read(io::stdin().lock())?;
    if root.samples == 0 {
        return Err(io::Error::other("no samples: pipe the output of `perf script` here"));
    }
    print!("{}", draw(&arguments.title, &root));
    Ok(())
}

fn read(input: impl BufRead) -> io::Result<Frame> {
    let mut root = Frame::default();
    let mut stack: Vec<(String, Where)> = Vec::new();
    for line in input.lines() {
        let line = line?;
        if line.starts_with(char::is_whitespace) && !line.trim().is_empty() {
            stack.extend(function(&line));
        } else if line.trim().is_empty() {
            add(&mut root, &mut stack);
        }
    }
    add(&mut root, &mut stack);
    Ok(root)
}

/// `  ffffffff81 do_syscall_64+0x5 ([kernel.kallsyms])`
fn function(line: &str) -> Option<(String, Where)> {
    let (_, rest) = line.trim().split_once(' ')?;
    let (name, object) = rest.rsplit_once(" (").unwrap_or((rest, ""));
    let name = name.rsplit_once("+0x").map_or(name, |(name, _)| name);
    // The hash at the end of a mangled name says nothing.
    let name = match name.rsplit_once("::h") {
        Some((path, hash)) if hash.len() == 16 => path,
        _ => name,
    };
    let place = if object.starts_with('[') {
        Where::Kernel
    } else if object.contains(".so") {
        Where::Library
    } else {
        Where::Program
    };
    Some((name.to_owned(), place))
}

/// The innermost function comes first.
fn add(root: &mut Frame, stack: &mut Vec<(String, Where)>) {
    if stack.is_empty() {
        return;
    }
    let mut frame = root;
    frame.samples += 1;
    while let Some(function) = stack.pop() {
        frame = frame.calls.entry(function).or_default();
        frame.samples += 1;
    }
}

fn draw(title: &str, root: &Frame) -> String {
    let rows = u32::try_from(root.depth(WIDTH)).unwrap_or(u32::MAX);
    let height = TOP + ROW * f64::from(rows);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height:.0}\" \
         font-family=\"monospace\" font-size=\"11\">\n\
         <rect width=\"{WIDTH}\" height=\"{height:.0}\" fill=\"white\"/>\n\
         <text x=\"6\" y=\"20\" font-size=\"14\">{}</text>\n",
        escaped(title)
    );
    frame(&mut svg, ("all", Where::Program), root, root.samples, (0.0, TOP, WIDTH));
    svg + "</svg>\n"
}

fn frame(
    svg: &mut String,
    (name, place): (&str, Where),
    own: &Frame,
    all: u64,
    (x, y, width): (f64, f64, f64),
) {
    let colour = match place {
        Where::Program => "#f0b27a",
        Where::Library => "#f7dc6f",
        Where::Kernel => "#85c1e9",
    };
    let percent = ratio(own.samples, all) * 100.0;
    let name = escaped(name);
    let _ = write!(
        svg,
        "<g><title>{name}: {percent:.1} %</title>\
         <rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{:.1}\" fill=\"{colour}\" \
         stroke=\"white\" stroke-width=\"0.5\"/>",
        ROW - 1.0
    );
    let label = shortened(&name, width);
    if !label.is_empty() {
        let _ = write!(svg, "<text x=\"{:.1}\" y=\"{:.1}\">{label}</text>", x + 3.0, y + 12.0);
    }
    svg.push_str("</g>\n");
    let mut at = x;
    for ((name, place), called) in &own.calls {
        let share = width * ratio(called.samples, own.samples);
        if share >= NARROWEST {
            frame(svg, (name, *place), called, all, (at, y + ROW, share));
        }
        at += share;
    }
}

/// The last parts of a path say most.
fn shortened(name: &str, width: f64) -> String {
    let mut parts: Vec<&str> = Vec::new();
    let mut letters = 2.0;
    for part in name.rsplit("::") {
        letters += f64::from(u32::try_from(part.len()).unwrap_or(u32::MAX)) + 2.0;
        if letters * LETTER > width {
            break;
        }
        parts.push(part);
    }
    parts.reverse();
    parts.join("::")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[allow(clippy::cast_precision_loss, reason = "a part of a drawing")]
fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLES: &str = "\
ferryd 12 [001] 4.5:  1 cycles:
\t  ffff01 copy_user+0x5 ([kernel.kallsyms])
\t  7f0001 seal<A>::h0123456789abcdef+0x1 (/usr/bin/ferryd)

ferryd 12 [001] 4.6:  1 cycles:
\t  7f0001 seal<A>::h0123456789abcdef+0x9 (/usr/bin/ferryd)

ferryd 12 [001] 4.7:  1 cycles:
\t  7f0002 memcpy+0x9 (/lib/libc.so.6)
";

    #[test]
    fn samples_are_added_up_by_callers() {
        let root = read(SAMPLES.as_bytes()).unwrap();
        let counts: Vec<_> =
            root.calls.iter().map(|(key, f)| (key.0.as_str(), f.samples)).collect();
        assert_eq!((root.samples, counts), (3, vec![("memcpy", 1), ("seal<A>", 2)]));
        let seal = root.calls.get(&("seal<A>".to_owned(), Where::Program)).unwrap();
        assert_eq!(seal.calls.keys().next(), Some(&("copy_user".to_owned(), Where::Kernel)));
    }

    #[test]
    fn the_drawing_names_every_function_with_its_share() {
        let drawn = draw("a < b", &read(SAMPLES.as_bytes()).unwrap());
        for word in ["a &lt; b", "seal&lt;A&gt;: 66.7 %", "copy_user: 33.3 %", "memcpy: 33.3 %"] {
            assert!(drawn.contains(word), "{word}: {drawn}");
        }
        assert!(drawn.ends_with("</svg>\n"));
    }
}
