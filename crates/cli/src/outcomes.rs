//! An operation on several things that may succeed for some of them: tell of each, fail if any failed.

use ottla_client::ClientError;

use crate::failure::Failure;

/// Tells the errors on standard error; `tell` tells of the successes.
pub(crate) fn tell_each<T>(
    outcomes: impl IntoIterator<Item = Result<T, ClientError>>,
    mut tell: impl FnMut(T) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut has_failed = false;
    for outcome in outcomes {
        match outcome {
            Ok(value) => tell(value)?,
            Err(error) => {
                eprintln!("ottla: {error}");
                has_failed = true;
            }
        }
    }
    if has_failed {
        Err(Failure::FailedInParts)
    } else {
        Ok(())
    }
}
