//! `ottla profile`, and clusters reached by name.

use ottla_tests::ports::free_port;
use ottla_tests::{Broker, Suite};

use crate::run::{misuse, offline};

pub(crate) fn add(suite: &mut Suite) {
    suite.case("a_cluster_is_reached_by_the_name_of_its_profile", by_name);
}

fn by_name(broker: &Broker) {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let file = folder.path().join("sub/config.toml");
    let ottla = |arguments: &[&str]| offline(arguments).env("OTTLA_PROFILES", &file);
    let nobody = format!("127.0.0.1:{}", free_port());

    ottla(&["profile", "list"]).succeed().prints(&[]);
    ottla(&[
        "profile",
        "set",
        "here",
        "--bootstrap-servers",
        &broker.bootstrap(),
    ])
    .succeed();
    let nowhere = [
        "profile",
        "set",
        "nowhere",
        "--bootstrap-servers",
        &nobody,
        "--property",
        "client.id=x",
    ];
    ottla(&nowhere).succeed();
    ottla(&["--profile", "here", "health"]).succeed();
    ottla(&["health"]).env("OTTLA_PROFILE", "here").succeed();
    ottla(&["topic", "list", "--profile", "nowhere"]).refuse();
    // A flag wins over a profile.
    ottla(&["--profile", "nowhere", "health", "-b", &broker.bootstrap()]).succeed();
    misuse(ottla(&["--profile", "other", "health"]), "config.toml");

    ottla(&["profile", "use", "here"]).succeed();
    ottla(&["profile", "list"])
        .succeed()
        .prints(&["here *", "nowhere"]);
    ottla(&["profile", "show", "nowhere"])
        .succeed()
        .says("client.id=x");
    ottla(&["health"]).succeed().says(&broker.bootstrap());
    misuse(ottla(&["profile", "remove", "here"]), "--yes");
    ottla(&["profile", "remove", "here", "--yes"]).succeed();
    ottla(&["profile", "list"]).succeed().prints(&["nowhere"]);
}
