//! Limits, use and whereabouts of this process.

use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the limit of open files to the most that is allowed without privileges; what holds now.
pub fn raise_open_files() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let wanted = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    // a refusal leaves the old limit, which is what is then reported
    let _ = setrlimit(Resource::Nofile, wanted);
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// Memory of this process that is in RAM; `None` where the system does not tell.
pub fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// CPU time that this process has used, in user and kernel mode, to a hundredth of a second;
/// `None` where the system does not tell.
pub fn cpu_time() -> Option<Duration> {
    /// Unit of the times in `/proc` for every Linux program.
    const TICK_MS: u64 = 10;
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // the second field, the program's name, may hold anything, so count from its closing bracket
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ').skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(Duration::from_millis((user + system) * TICK_MS))
}

/// What this machine calls itself; empty if that is not text.
pub fn host_name() -> String {
    let names = rustix::system::uname();
    names.nodename().to_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_of_open_files_is_at_least_a_few() {
        assert!(raise_open_files() >= 64);
    }

    #[test]
    fn this_machine_has_a_name() {
        let name = host_name();
        assert!(!name.is_empty() && !name.contains('\0'), "{name:?}");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_running_process_uses_memory_and_time() {
        assert!(resident_bytes().unwrap() > 100_000);
        let spent = cpu_time().unwrap();
        let mut sum = 0u64;
        while cpu_time().unwrap() == spent {
            sum = std::hint::black_box(sum + 1);
        }
    }
}
