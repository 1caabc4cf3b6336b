//! The unmodified Java client (kafka-clients): producer, consumer alone and in groups, admin.
//!
//! The cases are Java, in `compat/java/*Cases.java`; this lists them, so that they can be named and
//! filtered without Java, and runs them one after the other in one JVM.

use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use ottla_tests::java::{self, JavaCases};
use ottla_tests::{Broker, Need, Settings, Suite};

const CASES: &[&str] = &[
    "idempotent_producer_writes_each_record_once",
    "idempotent_producers_do_not_disturb_each_other",
    "codec_none_is_read_back",
    "codec_gzip_is_read_back",
    "codec_snappy_is_read_back",
    "codec_lz4_is_read_back",
    "codec_zstd_is_read_back",
    "acks_0_delivers",
    "acks_1_delivers",
    "acks_all_delivers",
    "headers_survive",
    "null_and_empty_keys_and_values_survive",
    "a_big_record_survives",
    "a_record_over_max_message_bytes_is_refused",
    "the_topic_recompresses",
    "create_time_is_kept",
    "log_append_time_is_set_by_the_broker",
    "a_timestamp_out_of_bounds_is_refused",
    "a_keyless_record_on_a_compacted_topic_is_refused",
    "an_unknown_topic_is_created_on_first_use",
    "seek_goes_to_the_record_asked_for",
    "seek_into_a_batch_gives_the_record_asked_for",
    "beginning_and_end_offsets_are_right",
    "offsets_for_times_finds_the_first_record_not_before",
    "an_offset_out_of_range_is_reported",
    "an_offset_out_of_range_resets_to_earliest",
    "read_committed_reads_plain_data",
    "a_waiting_fetch_ends_when_data_comes",
    "tiny_fetch_sizes_still_make_progress",
    "many_partitions_share_one_fetch_session",
    "partitions_can_be_exchanged_in_a_fetch_session",
    "partitions_and_topics_are_listed",
    "a_group_goes_on_where_it_committed",
    "members_share_partitions_and_take_over",
    "cooperative_members_keep_what_they_have",
    "a_static_member_comes_back_to_its_partitions",
    "a_static_member_is_fenced_by_its_successor",
    "a_member_that_was_pushed_out_cannot_commit",
    "offsets_are_committed_without_members",
    "long_metadata_is_refused",
    "groups_are_listed_described_and_deleted",
    "group_offsets_are_altered_and_deleted",
    "offsets_of_a_deleted_topic_are_forgotten",
    "bad_groups_are_refused",
    "a_topic_is_created_described_and_deleted",
    "defaults_and_configs_are_told_at_creation",
    "assignments_are_obeyed",
    "validate_only_creates_nothing",
    "bad_topics_are_refused",
    "partitions_are_added",
    "configs_are_described",
    "broker_configs_are_described",
    "records_are_deleted",
    "offsets_are_listed_by_every_specification",
    "a_recreated_topic_is_new",
    "topics_are_described_and_deleted_by_id",
    "the_cluster_is_described",
    "no_reassignments_are_under_way",
    "many_topics_are_created_at_once",
    "configs_are_altered_key_by_key",
    "altered_configs_are_obeyed",
    "config_lists_grow_and_shrink",
    "bad_config_changes_are_refused_one_by_one",
    "config_changes_can_be_validated_alone",
    "broker_defaults_are_inherited_by_topics",
    "group_configs_are_altered",
    "log_levels_are_altered",
    "config_resources_are_listed",
    "log_dirs_are_described",
    "a_committed_transaction_is_read_whole",
    "an_aborted_transaction_is_not_read",
    "transactions_of_several_producers_mix",
    "hundreds_of_transactions_follow_each_other",
    "a_producer_is_fenced_by_its_successor",
    "consumed_offsets_are_committed_with_what_was_produced",
    "offsets_of_an_aborted_transaction_are_consumed_again",
    "a_transaction_that_takes_too_long_is_aborted",
    "a_transaction_timeout_beyond_the_brokers_is_refused",
    "transactions_are_listed_and_described",
    "a_producer_is_fenced_by_an_admin",
    "a_hanging_transaction_is_aborted_by_an_admin",
];

/// The JVM, and the broker that it was started for; a suite against two brokers uses two.
type Jvms = Arc<Mutex<Vec<(String, JavaCases)>>>;

fn main() -> ExitCode {
    // Nobody else joins these groups at first, so waiting for others only takes time.
    let settings = Settings::default().with("group.initial.rebalance.delay.ms", "0");
    let mut suite = Suite::new(&[Need::JavaSuites]).with_settings(settings);
    suite.case("every_java_case_is_listed_here", |_| {
        assert_eq!(
            java::case_names().expect("the suite has what it needs"),
            CASES
        );
    });
    let jvms = Jvms::default();
    for name in CASES {
        let jvms = jvms.clone();
        suite.case(name, move |broker| run(&jvms, broker, name));
    }
    suite.run()
}

fn run(jvms: &Jvms, broker: &Broker, name: &str) {
    let mut jvms = jvms.lock().unwrap_or_else(|poisoned| {
        // The case before failed, perhaps with its JVM: begin with new ones.
        let mut jvms = poisoned.into_inner();
        jvms.clear();
        jvms
    });
    let bootstrap = broker.bootstrap();
    if jvms.iter().all(|(address, _)| *address != bootstrap) {
        let started = JavaCases::start(&bootstrap).expect("the suite has what it needs");
        jvms.push((bootstrap.clone(), started));
    }
    let (_, jvm) = jvms
        .iter_mut()
        .find(|(address, _)| *address == bootstrap)
        .expect("it was just made sure");
    jvm.run(name);
}
