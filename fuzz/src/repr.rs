//! A driver for transducers: feeds one in chunks, steps it to its end, and keeps what came of it.

use ferry_proto::command::TypeCode;
use ferry_proto::repr::pipeline::{Form, Format, Mode, Options, Sender, Structure};
use ferry_proto::repr::{FormatError, Mark, Progress, Transducer};

/// Nothing is driven further than this many octets of output.
const OUTPUT_MAX: usize = 1 << 20;

/// Octets, marks with where they stood, and how it ended.
#[derive(Debug, Default, PartialEq)]
pub struct Run {
    pub octets: Vec<u8>,
    pub marks: Vec<(usize, Mark)>,
    pub error: Option<FormatError>,
}

/// Drives `transducer` through all of `wire` and its close.
pub fn drive(transducer: &mut dyn Transducer, wire: &[u8], size: usize, room: usize) -> Run {
    let (mut run, mut input, mut rest) = (Run::default(), &wire[..0], wire);
    let mut closed = false;
    while run.octets.len() < OUTPUT_MAX {
        let before = run.octets.len();
        match transducer.step(&mut input, &mut run.octets, room) {
            Ok(Progress::Mark(Mark::EndOfFile)) => {
                run.marks.push((run.octets.len(), Mark::EndOfFile));
                let left = [input, rest].concat();
                run.error = transducer.step(&mut &left[..], &mut run.octets, room).err();
                break;
            }
            Ok(Progress::Mark(mark)) => run.marks.push((run.octets.len(), mark)),
            Ok(Progress::Full) => assert!(run.octets.len() > before, "no headway"),
            Ok(Progress::Hungry) if rest.is_empty() => {
                assert!(input.is_empty() && !closed, "hungry behind the end");
                transducer.close();
                closed = true;
            }
            Ok(_) => (input, rest) = rest.split_at(size.min(rest.len())),
            Err(error) => {
                run.error = Some(error);
                break;
            }
        }
        assert!(run.octets.len() - before <= room, "more than there was room for");
    }
    run
}

/// Asserts that chunks and room make no difference, and returns what came of it.
pub fn drive_both<T: Transducer>(start: impl Fn() -> T, wire: &[u8], size: u8) -> Run {
    let (size, whole) = (usize::from(size) + 1, drive(&mut start(), wire, usize::MAX, 1 << 16));
    let parts = drive(&mut start(), wire, size, size + 15);
    assert!(whole == parts || whole.octets.len() >= OUTPUT_MAX);
    whole
}

/// One of all representations.
pub fn form(number: u16) -> Form {
    let [bits, kind] = number.to_be_bytes();
    Form {
        type_code: match kind % 4 {
            0 => TypeCode::Ascii,
            1 => TypeCode::Ebcdic,
            2 => TypeCode::Image,
            _ => TypeCode::Local(bits),
        },
        structure: [Structure::File, Structure::Record, Structure::Page][usize::from(kind / 4 % 3)],
        mode: [Mode::Stream, Mode::Block, Mode::Compressed, Mode::Deflate]
            [usize::from(kind / 16 % 4)],
        format: Format::NonPrint,
    }
}

/// What a file is on the connection; `None` where it cannot be.
pub fn sent(form: Form, options: &Options, file: &[u8], size: u8) -> Option<Vec<u8>> {
    let size = usize::from(size) + 1;
    let run = drive(&mut Sender::new(form, options)?, file, size, size + 15);
    run.error.is_none().then_some(run.octets)
}
