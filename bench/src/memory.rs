//! Memory that a run will fill, taken from the host beforehand.
//!
//! A virtual machine that gave free memory back to its host has to get it anew when it is written
//! to, which takes longer than moving a file does, and whoever runs first would pay for it.

use std::io::{self, Write as _};
use std::path::Path;

const BLOCK: usize = 1 << 20;

/// Has the machine hold what `octets` in `dir`, a directory in memory, will take: half as much
/// again, for some is given back while the run goes on.
///
/// # Errors
/// There is not enough memory.
pub(crate) fn hold(dir: &Path, octets: u64) -> io::Result<()> {
    let mut file = tempfile::tempfile_in(dir)?;
    let block = vec![1; BLOCK];
    let mut left = octets.saturating_mul(3) / 2;
    while left > 0 {
        let now = usize::try_from(left).unwrap_or(BLOCK).min(BLOCK);
        file.write_all(block.get(..now).unwrap_or_default())?;
        left -= u64::try_from(now).map_err(io::Error::other)?;
    }
    Ok(())
}
