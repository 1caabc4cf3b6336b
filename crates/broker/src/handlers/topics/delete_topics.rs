//! DeleteTopics: by name, or from version 6 on by name or id.

use ottla_metadata::image::Image;
use ottla_metadata::operations::{DeleteTopics, DeletedTopic, Refused, TopicReference};
use ottla_protocol::messages::delete_topics_response::DeletableTopicResult;
use ottla_protocol::messages::{DeleteTopicsRequest, DeleteTopicsResponse, StrBytes};
use ottla_protocol::{ErrorCode, TopicId};
use tokio::time::timeout;

use super::creation::patience;
use crate::authorize::{Operation, Resource};
use crate::context::Call;
use crate::net::Reply;

/// Versions that can say that topics are never deleted.
const FIRST_WITH_DELETION_DISABLED: i16 = 3;

/// Handles one request.
pub(crate) fn handle(call: Call<'_>, request: DeleteTopicsRequest) -> Reply {
    let wait_max = patience(request.timeout_ms);
    let version = call.version();
    let image = call.image();
    let mut refused = Vec::new();
    let mut topics = Vec::new();
    for topic in references(request) {
        match authorize(call, &image, &topic) {
            Ok(()) => topics.push(topic),
            Err(outcome) => refused.push(result(outcome, version)),
        }
    }
    let asked = topics.clone();
    let enabled = call.broker.config.topics.deletable;
    let deletion = call
        .broker
        .metadata
        .delete_topics(DeleteTopics { topics, enabled });
    Reply::later(async move {
        let all = |code| asked.into_iter().map(|topic| failed(topic, code)).collect();
        let outcomes: Vec<DeletedTopic> = match timeout(wait_max, deletion).await {
            Ok(Ok(outcomes)) => outcomes,
            Ok(Err(code)) => all(code),
            Err(_elapsed) => all(ErrorCode::RequestTimedOut),
        };
        let results = outcomes.into_iter().map(|outcome| result(outcome, version));
        DeleteTopicsResponse::default().with_responses(results.chain(refused).collect())
    })
}

fn references(request: DeleteTopicsRequest) -> impl Iterator<Item = TopicReference> {
    let names = request.topic_names.into_iter().map(|name| TopicReference {
        name: Some(name.to_string()),
        id: TopicId::ZERO,
    });
    let topics = request.topics.into_iter().map(|topic| TopicReference {
        name: topic.name.map(|name| name.to_string()),
        id: TopicId(topic.topic_id),
    });
    names.chain(topics)
}

/// Who may not delete a topic is told whether there is one only if it may describe it.
fn authorize(call: Call<'_>, image: &Image, topic: &TopicReference) -> Result<(), DeletedTopic> {
    if call.may(Operation::Delete, Resource::Cluster) {
        return Ok(());
    }
    let known = image
        .topic_by_id(topic.id)
        .map(|known| known.name.to_string());
    let Some(name) = topic.name.clone().or(known) else {
        // Nothing of that id: that there is nothing is the answer.
        return Ok(());
    };
    let describable = call.may(Operation::Describe, Resource::Topic(&name));
    let exists = image.topic(&name).is_some();
    if call.may(Operation::Delete, Resource::Topic(&name)) || (describable && !exists) {
        return Ok(());
    }
    let shown = topic.name.is_some() || describable;
    Err(DeletedTopic {
        name: shown.then_some(name),
        id: topic.id,
        result: Err(Refused::plain(ErrorCode::TopicAuthorizationFailed)),
    })
}

fn failed(topic: TopicReference, code: ErrorCode) -> DeletedTopic {
    DeletedTopic {
        name: topic.name,
        id: topic.id,
        result: Err(Refused::plain(code)),
    }
}

fn result(outcome: DeletedTopic, version: i16) -> DeletableTopicResult {
    let result = DeletableTopicResult::default()
        .with_name(outcome.name.map(|name| StrBytes::from_string(name).into()))
        .with_topic_id(outcome.id.0);
    let Err(refused) = outcome.result else {
        return result;
    };
    let code = match refused.code {
        ErrorCode::TopicDeletionDisabled if version < FIRST_WITH_DELETION_DISABLED => {
            ErrorCode::InvalidRequest
        }
        code => code,
    };
    result
        .with_error_code(code.code())
        .with_error_message(Some(StrBytes::from_string(refused.message)))
}
