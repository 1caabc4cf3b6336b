//! `--print-config`: every effective key with its value and source.

use super::typed::Config;

impl Config {
    /// A line `key=value  # source` for each key that has an effect, by name. Left out are keys
    /// without a value and those in whose place another counts, as `log.retention.hours` where
    /// `log.retention.ms` is set.
    pub fn print(&self) -> String {
        let lines: Vec<_> = self
            .settings
            .view()
            .into_iter()
            .filter(|view| !self.settings.is_eclipsed(view.key.name))
            .filter_map(|view| {
                let value = view.value?;
                Some((format!("{}={value}", view.key.name), view.source))
            })
            .collect();
        let width = lines
            .iter()
            .map(|(setting, _)| setting.len())
            .filter(|width| *width <= WIDTH_MAX)
            .max()
            .unwrap_or(0);
        lines
            .into_iter()
            .map(|(setting, source)| format!("{setting:width$}  # {source}\n"))
            .collect()
    }
}

/// Longer settings push their source out of the column rather than all sources to the right.
const WIDTH_MAX: usize = 60;
