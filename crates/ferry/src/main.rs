//! `ferry`: files to and from FTP servers, from a command line. What it can do is in `ferry-client`.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::SUCCESS
}
