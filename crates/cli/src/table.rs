//! Text in columns.

/// Lines of cells, each column as wide as its widest cell: numbers to the right, the rest to the left, as `heads`
/// says by beginning with `>`.
pub(crate) fn lines(heads: &[&str], rows: &[Vec<String>]) -> Vec<String> {
    let names: Vec<String> = heads
        .iter()
        .map(|head| head.trim_start_matches('>').to_owned())
        .collect();
    let width = |column: usize| {
        let cells = std::iter::once(&names)
            .chain(rows)
            .filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..heads.len()).map(width).collect();
    let line = |cells: &Vec<String>| {
        let padded: Vec<String> = heads
            .iter()
            .zip(cells)
            .zip(&widths)
            .map(|((head, cell), &width)| match head.starts_with('>') {
                true => format!("{cell:>width$}"),
                false => format!("{cell:<width$}"),
            })
            .collect();
        padded.join("  ").trim_end().to_owned()
    };
    std::iter::once(&names).chain(rows).map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [
            vec!["1".to_owned(), "long".to_owned()],
            vec!["1000".to_owned(), "x".to_owned()],
        ];
        assert_eq!(
            lines(&[">N", "NAME"], &rows),
            ["   N  NAME", "   1  long", "1000  x"]
        );
    }
}
