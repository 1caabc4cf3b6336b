//! What is said to both brokers, area by area.

mod cluster;
mod compaction;
mod configs;
mod frames;
mod groups;
mod odd_batches;
mod producers;
mod quorum;
mod reading;
mod records;
mod settings;
mod topics;
mod transactional;
mod transactions;

use crate::lab::Lab;

/// A scenario's name, and its script.
pub(crate) type Scenario = (&'static str, fn(&mut Lab));

/// In the order in which they run.
pub(crate) static ALL: &[Scenario] = &[
    ("api_versions", cluster::api_versions),
    ("cluster", cluster::cluster),
    ("metadata", cluster::metadata),
    ("topic_partitions_page_by_page", cluster::topic_partitions),
    (
        "topic_partitions_of_odd_names",
        cluster::topic_partitions_of_odd_names,
    ),
    ("topics_that_a_question_creates", cluster::automatic_topics),
    ("log_dirs", cluster::log_dirs),
    ("coordinators", cluster::coordinators),
    ("topics_are_created", topics::created),
    ("topics_are_refused", topics::refused),
    ("topics_are_deleted", topics::deleted),
    ("partitions_are_added", topics::partitions),
    ("reassignments", topics::reassignments),
    ("replicas_are_reassigned", quorum::reassigned),
    ("preferred_leaders", quorum::elections),
    ("the_quorum", quorum::described),
    ("voters_and_brokers_that_are_not_there", quorum::refused),
    ("frames_that_are_no_request", frames::frames),
    ("counts_that_are_negative", frames::negative_counts),
    ("records_are_produced", records::produced),
    ("records_that_are_null", records::null),
    ("codecs", records::codecs),
    ("batches_that_are_broken", odd_batches::broken),
    ("heads_that_no_client_writes", odd_batches::odd_heads),
    ("limits_of_records", records::limits),
    ("producers", producers::producers),
    ("records_are_deleted", records::deleted_records),
    ("records_are_fetched", reading::fetched),
    ("fetch_sessions", reading::sessions),
    ("offsets_by_time", reading::offsets),
    ("offsets_by_epoch", reading::epochs),
    ("readers_that_do_not_exist", reading::odd_readers),
    ("limits_that_fall_into_batches", reading::limits),
    ("configurations_are_described", configs::described),
    ("configurations_are_altered", configs::altered),
    ("settings_nobody_knows", settings::unknown_settings),
    ("settings_that_only_kafka_has", settings::settings_of_kafka),
    ("settings_of_subscriptions", settings::subscriptions),
    ("settings_of_loggers", settings::loggers),
    ("configurations_are_replaced", configs::replaced),
    ("resources_with_configurations", configs::resources),
    ("members_join_and_leave", groups::joined),
    ("members_share_a_group", groups::rebalanced),
    ("members_fall_silent", groups::silent_members),
    ("groups_with_odd_names", groups::odd_names),
    ("offsets_are_committed", groups::offsets),
    ("offsets_are_deleted", groups::deleted_offsets),
    ("groups_are_listed", groups::listed),
    ("members_with_fixed_names", groups::fixed_members),
    ("transactions_with_one_epoch", transactions::one_epoch),
    ("transactions_with_an_epoch_each", transactions::epoch_each),
    ("transactions_that_take_too_long", transactions::too_late),
    ("transactions_of_nobody", transactions::nobodys),
    ("offsets_in_transactions", transactional::offsets),
    ("transactions_are_ended_by_hand", transactional::markers),
    ("features_are_updated", transactional::features),
    ("what_compaction_leaves", compaction::values),
    (
        "what_compaction_leaves_of_transactions",
        compaction::transactions,
    ),
];
