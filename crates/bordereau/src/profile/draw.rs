//! Small pictures out of characters: bars and sparklines.

use super::screen::{Glyphs, Screen};

const EIGHTHS: [char; 8] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'];
const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const LEVELS_ASCII: [char; 8] = ['.', ':', '-', '=', '+', '*', '%', '#'];

/// A bar of `cells` characters that is filled to `share` (0 to 1); what is more than nothing is seen.
pub fn bar(screen: &Screen, share: f64, cells: usize) -> String {
    let eighths = if share > 0.0 { ((share.min(1.0) * cells as f64 * 8.0).round() as usize).max(1) } else { 0 };
    let mut text = String::new();
    for cell in 0..cells {
        let filled = eighths.saturating_sub(cell * 8).min(8);
        text.push(match (filled, screen.glyphs) {
            (0, _) => ' ',
            (filled, Glyphs::Unicode) => EIGHTHS.get(filled - 1).copied().unwrap_or(' '),
            (_, Glyphs::Ascii) => '#',
        });
    }
    text
}

/// Counts as `cells` characters of different height; fewer when there are fewer counts.
pub fn sparkline(screen: &Screen, counts: &[u64], cells: usize) -> String {
    let gathered = gather(counts, cells);
    let most = gathered.iter().copied().max().unwrap_or(0).max(1);
    let levels = if screen.glyphs == Glyphs::Unicode { LEVELS } else { LEVELS_ASCII };
    let level = |count: u64| match count {
        0 => ' ',
        _ => {
            let height = (count as f64 / most as f64 * 8.0).ceil() as usize;
            levels.get(height.clamp(1, 8) - 1).copied().unwrap_or(' ')
        }
    };
    gathered.into_iter().map(level).collect()
}

/// Neighbours put together until there are at most `cells`.
fn gather(counts: &[u64], cells: usize) -> Vec<u64> {
    if counts.len() <= cells {
        return counts.to_vec();
    }
    let mut gathered = vec![0_u64; cells];
    for (at, count) in counts.iter().enumerate() {
        if let Some(cell) = gathered.get_mut(at * cells / counts.len()) {
            *cell = cell.saturating_add(*count);
        }
    }
    gathered
}

#[cfg(test)]
mod tests {
    use super::super::screen::Colours;
    use super::*;

    #[test]
    fn pictures_show_what_is_there() {
        let screen = Screen { width: 80, glyphs: Glyphs::Unicode, colours: Colours::None };
        let ascii = Screen { glyphs: Glyphs::Ascii, ..screen };
        for (share, expected) in [(0.0, "    "), (1e-9, "▏   "), (0.5, "██  "), (0.53, "██▏ "), (1.0, "████")]
        {
            assert_eq!(bar(&screen, share, 4), expected);
        }
        assert_eq!(bar(&ascii, 0.53, 4), "### ");
        assert_eq!(sparkline(&screen, &[0, 1, 50, 100], 8), " ▁▄█");
        assert_eq!(sparkline(&ascii, &[0, 1, 50, 100], 8), " .=#");
        assert_eq!(sparkline(&screen, &[1, 1, 2, 2, 4, 4], 3), "▂▄█");
        assert_eq!(sparkline(&screen, &[], 3), "");
    }
}
