//! Data directories that earlier programs wrote, one for each on-disk format, are read and written on by this one.
//!
//! They lie in `data`, packed. `recipe.rs` wrote them, run with the program of their time.

#[allow(dead_code, reason = "the recipe writes, the test reads")]
mod contents;
#[allow(dead_code, reason = "the recipe writes, the test reads")]
mod ledger;
#[allow(dead_code, reason = "the recipe writes, the test reads")]
mod place;

use ottla_client::Client;
use ottla_tests::client::connect;
use ottla_tests::{Broker, Kind};

use place::{archives, settings, unpack};

#[test]
fn the_data_of_each_format_is_read_and_written_on() {
    let archives = archives();
    assert!(!archives.is_empty());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for archive in archives {
        let folder = tempfile::tempdir().unwrap();
        unpack(&archive, folder.path());
        println!("{}", archive.display());
        let mut broker = Broker::start(Kind::Ottla, settings(folder.path())).unwrap();
        for times_added in 0..2 {
            runtime.block_on(async {
                let client = connect(&broker).await;
                contents::check(&client, times_added).await;
                contents::add(&client, times_added).await;
                contents::check(&client, times_added + 1).await;
                Client::close(&client);
            });
            broker.restart().unwrap();
        }
        let log = broker.log();
        let complaint = log.lines().find(|line| line.contains("ERROR"));
        assert_eq!(complaint, None, "{}", archive.display());
    }
}
