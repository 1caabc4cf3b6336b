//! What can be said on the command line.
//!
//! Each command's own arguments stand in its file under `commands`; here is only which commands there are.

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::commands::{
    cluster, completions, config, consume, dump, group, health, perf, produce, profile, serve,
    topic,
};
use crate::version::version;

/// A Kafka-compatible broker in one binary, and the tools to use one.
///
/// The tools work with any Kafka cluster. Data goes to standard output, words go to standard error.
/// Exit status: 0 done, 1 refused or failed, 2 wrong usage.
#[derive(Debug, Parser)]
#[command(name = "ottla", version = version(), propagate_version = false, after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The profile of the cluster to talk to, of those that `ottla profile` keeps
    #[arg(long, global = true, value_name = "NAME", env = "OTTLA_PROFILE")]
    pub(crate) profile: Option<String>,

    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES: &str = "\
Examples:
  ottla serve                              a broker on 127.0.0.1:9092, data in ./ottla-data
  ottla topic create orders --partitions 3
  echo 'hello' | ottla produce orders
  ottla consume orders --from earliest --exit-at-end
  ottla group lag --watch
  ottla --profile prod health";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Serve(serve::Serve),
    #[command(subcommand)]
    Topic(topic::Topic),
    #[command(subcommand)]
    Group(group::Group),
    #[command(subcommand)]
    Config(config::Config),
    #[command(subcommand)]
    Cluster(cluster::Cluster),
    Health(health::Health),
    Produce(produce::Produce),
    Consume(consume::Consume),
    #[command(subcommand)]
    Perf(perf::Perf),
    Dump(dump::Dump),
    #[command(subcommand)]
    Profile(profile::ProfileCommand),
    Completions(completions::Completions),
}

impl Arguments {
    /// What the command line says, or its end with help or with what is wrong.
    pub(crate) fn of_process() -> Self {
        let matches = Arguments::command().get_matches();
        let read = Arguments::read(&matches);
        read.unwrap_or_else(|error| error.exit())
    }

    fn read(matches: &clap::ArgMatches) -> Result<Self, clap::Error> {
        let arguments = Arguments::from_arg_matches(matches)?;
        let is_flag = matches.value_source("profile") == Some(ValueSource::CommandLine);
        // In the environment it is for other commands.
        if is_flag && !arguments.command.talks_to_cluster() {
            let text = "this command talks to no cluster: --profile has no meaning for it";
            return Err(Arguments::command().error(ErrorKind::ArgumentConflict, text));
        }
        Ok(arguments)
    }
}

impl Command {
    fn talks_to_cluster(&self) -> bool {
        match self {
            Command::Serve(_)
            | Command::Dump(_)
            | Command::Profile(_)
            | Command::Completions(_) => false,
            Command::Topic(_)
            | Command::Group(_)
            | Command::Config(_)
            | Command::Cluster(_)
            | Command::Health(_)
            | Command::Produce(_)
            | Command::Consume(_)
            | Command::Perf(_) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_profile_may_be_named_before_and_behind_the_command() {
        for line in [
            "ottla --profile p topic list",
            "ottla topic list --profile p",
        ] {
            let arguments = Arguments::try_parse_from(line.split(' ')).unwrap();
            assert_eq!(arguments.profile.as_deref(), Some("p"), "{line}");
        }
    }

    #[test]
    fn a_profile_is_refused_where_it_has_no_meaning() {
        for (line, is_read) in [
            ("ottla topic list --profile p", true),
            ("ottla serve --profile p", false),
            ("ottla --profile p dump x", false),
            ("ottla dump x", true),
        ] {
            let matches = Arguments::command()
                .try_get_matches_from(line.split(' '))
                .unwrap();
            assert_eq!(Arguments::read(&matches).is_ok(), is_read, "{line}");
        }
    }

    #[test]
    fn wrong_usage_exits_with_2_and_help_with_0() {
        for line in [
            "ottla",
            "ottla nonsense",
            "ottla topic create",
            "ottla produce",
            "ottla consume t --count x",
        ] {
            let error = Arguments::try_parse_from(line.split(' ')).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{line}");
        }
        for line in ["ottla --help", "ottla topic --help", "ottla --version"] {
            let error = Arguments::try_parse_from(line.split(' ')).unwrap_err();
            assert_eq!(error.exit_code(), 0, "{line}");
        }
    }

    #[test]
    fn every_command_and_option_is_explained() {
        fn check(command: &clap::Command) {
            assert!(
                command.get_about().is_some(),
                "{} has no help",
                command.get_name()
            );
            for argument in command.get_arguments() {
                assert!(
                    argument.get_help().is_some(),
                    "{} {} has no help",
                    command.get_name(),
                    argument.get_id()
                );
            }
            command.get_subcommands().for_each(check);
        }
        check(&Arguments::command());
    }
}
