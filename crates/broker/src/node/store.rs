//! The log directory and what is there whatever the metadata says: the brokers that this one knows,
//! and the metadata's log.

use std::sync::Arc;

use ottla_platform::disk::Disk;
use ottla_platform::net::Listener;
use ottla_platform::seed::Random;
use ottla_platform::work::{OwnThread, blocking};
use ottla_replication::cluster::{Cluster, ClusterOptions, Timing};
use ottla_replication::transport::{Contact, Identity};
use ottla_replication::{Groups, Partition};
use ottla_storage::{DirectoryMeta, Drive, LogDir, LogDirOptions};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};
use uuid::Uuid;

use super::answerers::Answerers;
use super::founding::{self, beginning_of};
use super::meeting::Meeting;
use super::start::{Ground, StartError};
use crate::config::HostPort;
use crate::limits::{DISK_RESERVE_BYTES, MAPPED_FILES_MAX, PEER_FRAME_BYTES_MAX};
use crate::metadata_runner::Answering;

/// See the file's head.
pub(super) struct Store {
    pub(super) meta: DirectoryMeta,
    /// This run of the process.
    pub(super) incarnation: Uuid,
    pub(super) directory: LogDir,
    pub(super) peers: Arc<Cluster>,
    pub(super) meeting: Arc<Meeting>,
    pub(super) groups: Groups,
    pub(super) metadata: Partition,
    pub(super) serving: Serving,
    /// Looks after what the disk holds.
    pub(super) scrubbing: JoinSet<()>,
    /// For what keeps brokers together: beats and elections must not wait behind work on data.
    /// Dropped last: the others run on it.
    pub(super) control: OwnThread,
}

/// The task that serves other brokers.
pub(super) struct Serving {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Serving {
    pub(super) async fn end(self) {
        // It may have ended by itself.
        let _ = self.stop.send(());
        let _ = self.task.await;
    }
}

impl Store {
    pub(super) async fn open(
        ground: &mut Ground,
        disk: Arc<dyn Disk>,
        (listener, advertised): (Listener, &HostPort),
    ) -> Result<Store, StartError> {
        let mut meta = settle_identity(ground, &disk, (&listener, advertised)).await?;
        let options = LogDirOptions {
            clock: Arc::clone(&ground.clock),
            drive: Drive::Workers,
            mapped_files_max: MAPPED_FILES_MAX,
            reserve_bytes: DISK_RESERVE_BYTES,
            on_failure: Box::new(ground.failure()),
        };
        let config = Arc::clone(&ground.config);
        let opening = blocking(move || {
            let directory = LogDir::open(Arc::clone(&disk), &config.data_dir, options)?;
            // This start counts now that no other process can have the directory.
            meta.starts += 1;
            meta.write(&*disk, &config.data_dir)?;
            let names = directory.log_names()?;
            Ok::<_, StartError>((meta, directory, names))
        });
        let (meta, directory, names) = opening.await??;

        let incarnation = founding::random_uuid(&mut ground.random);
        let control = OwnThread::start("ottla-control")?;
        let peers = start_peers(ground, &meta, incarnation, &control);
        let beginning = beginning_of(&meta)?;
        let me = Contact {
            node: ground.config.node_id.0,
            directory: meta.directory_id,
            host: advertised.host.clone(),
            port: advertised.port,
        };
        let seeds = ground.config.peers.seeds.iter().map(HostPort::to_string);
        let meeting = Arc::new(Meeting::new(
            Arc::clone(&peers),
            me,
            seeds.collect(),
            meta.cluster_id.clone(),
            beginning.clone(),
        ));
        let serving = serve_peers(&peers, listener);
        check_seeds(ground, &meta);
        let (clock, node_id) = (Arc::clone(&ground.clock), ground.config.node_id);
        let groups = Groups::new(node_id, directory.clone(), clock, Some(Arc::clone(&peers)));
        // what is to be opened first may wait for it
        let mut scrubbing = JoinSet::new();
        scrubbing.spawn(groups.scrubber().run(ground.config.log.scrub));
        let metadata = founding::open_metadata(&groups, &meta, &names, beginning.as_ref()).await?;
        ground.quorum.begin(metadata.clone());
        Ok(Store {
            meta,
            incarnation,
            directory,
            peers,
            meeting,
            groups,
            metadata,
            serving,
            scrubbing,
            control,
        })
    }
}

/// The directory's identity, which it gets now if it has none.
async fn settle_identity(
    ground: &mut Ground,
    disk: &Arc<dyn Disk>,
    door: (&Listener, &HostPort),
) -> Result<DirectoryMeta, StartError> {
    let (config, reading) = (Arc::clone(&ground.config), Arc::clone(disk));
    let known = blocking(move || founding::identity(&*reading, &config.data_dir, config.node_id));
    if let Some(meta) = known.await?? {
        return Ok(meta);
    }
    let mut random = Random::new(ground.random.next_u64());
    let (config, health) = (Arc::clone(&ground.config), Arc::clone(&ground.health));
    let meta = founding::new_identity(&config, &mut random, door, &health).await;
    let (writing, written) = (Arc::clone(disk), meta.clone());
    let done = blocking(move || written.write(&*writing, &config.data_dir));
    done.await??;
    Ok(meta)
}

fn start_peers(
    ground: &Ground,
    meta: &DirectoryMeta,
    incarnation: Uuid,
    control: &OwnThread,
) -> Arc<Cluster> {
    let answering = Answering {
        questions: ground.questions.0.clone(),
        images: Arc::clone(&ground.images),
        defaults: Arc::clone(&ground.defaults),
        quorum: Arc::clone(&ground.quorum),
    };
    let request_bytes_max = ground.config.network.request_bytes_max;
    Cluster::start(ClusterOptions {
        me: Identity {
            cluster_id: meta.cluster_id.as_str().into(),
            node: ground.config.node_id,
            directory: meta.directory_id,
            starts: meta.starts,
            incarnation,
        },
        timing: Timing::default(),
        clock: Arc::clone(&ground.clock),
        frame_bytes_max: PEER_FRAME_BYTES_MAX.max(request_bytes_max),
        control: control.handle(),
        questions: Some(Arc::new(Answerers {
            metadata: answering,
            transactions: Arc::clone(&ground.answering),
        })),
    })
}

/// Ends this node if it was told of brokers of another cluster. It needs not wait for that: those
/// send it away.
fn check_seeds(ground: &Ground, meta: &DirectoryMeta) {
    let (config, cluster_id) = (Arc::clone(&ground.config), meta.cluster_id.clone());
    let fail = ground.failure();
    tokio::spawn(async move {
        let seeds = &config.peers.seeds;
        let checked = founding::check_seeds(seeds, &config.data_dir, &cluster_id).await;
        if let Err(reason) = checked {
            tracing::error!("{reason}");
            fail(&reason);
        }
    });
}

fn serve_peers(peers: &Arc<Cluster>, listener: Listener) -> Serving {
    let (stop, stopped) = oneshot::channel();
    let serving = Arc::clone(peers).serve(listener, async move {
        // A node that is gone stops it too.
        let _ = stopped.await;
    });
    Serving {
        stop,
        task: tokio::spawn(serving),
    }
}
