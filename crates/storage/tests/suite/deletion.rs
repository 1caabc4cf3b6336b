//! Logs that are deleted while everything ends.

use bytes::Bytes;
use ottla_platform::disk::Disk;
use ottla_storage::Log;

use crate::support::*;

/// A replica that is moved away and comes again later begins anew, wherever a crash interrupted its
/// deletion.
#[test]
fn a_log_whose_deletion_was_interrupted_can_begin_anew() {
    let vote = |rig: &Rig, log: &Log| {
        let voted = Answer::default();
        log.save_vote(Bytes::from_static(b"vote"), voted.done());
        rig.settle();
        assert!(voted.is_ok());
    };
    for operations in 1..12 {
        for loses_power in [false, true] {
            let rig = Rig::new(operations);
            let log = rig.log(&small());
            accepted(append(&log, batch(2, 80, NOW)));
            commit(&rig, &log);
            // with it the state journal learns how much is on the medium
            vote(&rig, &log);
            rig.disk.cut_power_in(operations);
            let deleted = log.delete();
            drop(log);
            let rig = match loses_power {
                true => rig.after_power_cut(),
                false => rig.after_kill(),
            };
            let path = std::path::Path::new(DATA).join("topic-0");
            if rig.disk.exists(&path).unwrap() {
                assert!(deleted.is_err());
                rig.open_log(0, &small()).unwrap().0.delete().unwrap();
            }
            let opened = rig.open_log(0, &small());
            let (log, recovered) = opened.unwrap_or_else(|error| panic!("{operations}: {error}"));
            assert!(recovered.created);
            // what is there now is not forgotten because something of its name was deleted
            accepted(append(&log, batch(2, 80, NOW)));
            commit(&rig, &log);
            vote(&rig, &log);
            drop(log);
            let rig = rig.after_kill();
            let (log, _) = rig.open_log(0, &small()).unwrap();
            assert_eq!(log.state().log_end_offset, 2);
            assert_eq!(log.read_vote().as_deref(), Some(&b"vote"[..]));
        }
    }
}
