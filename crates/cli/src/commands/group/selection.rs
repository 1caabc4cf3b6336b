//! Topics and partitions as flags name them: `orders`, `orders:0,1`.

use std::collections::BTreeSet;

use ottla_client::{Client, TopicPartition};

use crate::failure::Failure;

/// A topic, or some partitions of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Selection {
    topic: String,
    /// `None` means all.
    partitions: Option<Vec<i32>>,
}

/// Reads a selection. A topic's name never has a colon.
pub(super) fn parse_selection(text: &str) -> Result<Selection, String> {
    let (topic, numbers) = match text.split_once(':') {
        Some((topic, numbers)) => (topic, Some(numbers)),
        None => (text, None),
    };
    if topic.is_empty() {
        return Err(format!("\"{text}\" names no topic"));
    }
    let number = |number: &str| {
        let parsed = number
            .trim()
            .parse::<i32>()
            .ok()
            .filter(|&number| number >= 0);
        parsed.ok_or_else(|| format!("\"{number}\" is not a partition's number"))
    };
    let numbers = numbers.map(|numbers| numbers.split(',').map(number).collect());
    Ok(Selection {
        topic: topic.to_owned(),
        partitions: numbers.transpose()?,
    })
}

/// The partitions that selections stand for, all of which exist.
pub(super) async fn partitions(
    client: &Client,
    selections: &[Selection],
) -> Result<BTreeSet<TopicPartition>, Failure> {
    let mut all = BTreeSet::new();
    for selection in selections {
        let topic = client.admin().describe_topic(&selection.topic).await?;
        let count = i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX);
        let numbers = match &selection.partitions {
            Some(numbers) => numbers.clone(),
            None => (0..count).collect(),
        };
        if let Some(missing) = numbers.iter().find(|&&number| number >= count) {
            return Err(Failure::Failed(format!(
                "topic {} has {count} partitions, there is no {missing}",
                topic.name
            )));
        }
        let named = |number| TopicPartition::new(topic.name.clone(), number);
        all.extend(numbers.into_iter().map(named));
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_may_be_followed_by_partitions() {
        let selection = |topic: &str, partitions: Option<&[i32]>| Selection {
            topic: topic.to_owned(),
            partitions: partitions.map(<[i32]>::to_vec),
        };
        assert_eq!(parse_selection("a.b"), Ok(selection("a.b", None)));
        assert_eq!(parse_selection("a:0,2"), Ok(selection("a", Some(&[0, 2]))));
        for wrong in ["", ":1", "a:", "a:x", "a:-1", "a:1,"] {
            assert!(parse_selection(wrong).is_err(), "{wrong}");
        }
    }
}
