//! `ottla topic delete`, which asks before it destroys.

use ottla_tests::{Broker, Suite};

use crate::run::{misuse, ottla};

pub(crate) fn add(suite: &mut Suite) {
    suite.case(
        "a_topic_is_deleted_after_a_yes_and_not_by_a_dry_run",
        deletion,
    );
}

fn deletion(broker: &Broker) {
    ottla(broker, &["topic", "create", "doomed"]).succeed();
    misuse(ottla(broker, &["topic", "delete", "doomed"]), "--yes");
    ottla(broker, &["topic", "delete", "doomed", "--dry-run"]).succeed();
    ottla(broker, &["topic", "list"]).succeed().says("doomed");
    ottla(broker, &["topic", "delete", "doomed", "--yes"]).succeed();
    ottla(broker, &["topic", "delete", "doomed", "--dry-run"]).refuse();
}
