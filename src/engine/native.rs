//! libtorrent behind the [`Engine`] trait. It stays on one thread: `UniquePtr<Session>` is not
//! `Send`.

use std::any::Any;

use crossbeam_channel::Sender;
use cxx::UniquePtr;

use super::{Engine, EngineEvent};
use crate::error::{Error, ErrorKind, Result};
use crate::messages::request::{Call, SessionRequest, Task, TorrentRequest};
use crate::model::op;
use crate::model::{AlertFamily, EventKinds, InfoHashes, IpFilter, TorrentId};
use crate::settings::{DiskReads, Settings};
use crate::sys::alerts::Alerts;
use crate::sys::task::{SessionTask, TaskAnswers, TorrentTask};
use crate::sys::{self, PolicyRecord, ShardRecord, Waker, convert, process};

pub(crate) struct NativeEngine {
    session: UniquePtr<sys::Session>,
    answers: TaskAnswers,
}

impl NativeEngine {
    pub(crate) fn new(
        settings: &Settings,
        policy: PolicyRecord,
        shard: ShardRecord,
        state: &[u8],
        ip_filter: Option<&IpFilter>,
        wake: Sender<()>,
    ) -> Result<Self> {
        process::check_versions()?;
        let records = settings.records();
        let reads = match settings.disk_reads() {
            DiskReads::Stock => sys::DiskReads::Stock,
            DiskReads::Copy => sys::DiskReads::Copy,
            DiskReads::ZeroCopy => sys::DiskReads::ZeroCopy,
        };
        let waker = Waker(wake);
        let failed = |exception| Error::from_native(op::START, &exception);
        let blocked =
            ip_filter.map_or(Ok(UniquePtr::null()), convert::native_ip_filter).map_err(failed)?;
        let session = sys::new_session(
            &records,
            policy,
            reads,
            shard,
            state,
            blocked,
            Box::new(waker.clone()),
        )
        .map_err(failed)?;
        if session.leaks_names() {
            tracing::warn!(
                "this system has no seccomp filters: where a redirect or a tracker names a host, \
                 the DNS may be asked for it, past the proxy or although the client is offline"
            );
        }
        Ok(Self { session, answers: TaskAnswers::new(waker) })
    }
}

fn native(params: Box<dyn Any + Send>) -> Result<UniquePtr<sys::TorrentParams>> {
    params
        .downcast()
        .map(|params| *params)
        .map_err(|_| Error::new(ErrorKind::Panicked, op::ADD, "parameters of another engine"))
}

impl Engine for NativeEngine {
    fn add(
        &mut self,
        id: TorrentId,
        _info_hashes: &InfoHashes,
        params: Box<dyn Any + Send>,
    ) -> Result<()> {
        self.session
            .pin_mut()
            .add_torrent(id.get(), native(params)?)
            .map_err(|exception| Error::from_native(op::ADD, &exception))
    }

    fn merge(&mut self, id: TorrentId, params: Box<dyn Any + Send>) -> Result<()> {
        self.session
            .pin_mut()
            .merge(id.get(), native(params)?)
            .map_err(|exception| Error::from_native(op::ADD, &exception))
    }

    fn retry_add(&mut self, id: TorrentId) -> Result<()> {
        self.session
            .pin_mut()
            .retry_add(id.get())
            .map_err(|exception| Error::from_native(op::ADD, &exception))
    }

    fn forget(&mut self, id: TorrentId) {
        self.session.pin_mut().forget_add(id.get());
    }

    fn remove(&mut self, id: TorrentId, delete_files: bool) -> Result<()> {
        self.session
            .pin_mut()
            .remove_torrent(id.get(), delete_files)
            .map_err(|exception| Error::from_native(op::REMOVE, &exception).on(id))
    }

    fn post(&mut self, id: TorrentId, asked: TorrentRequest) -> Result<()> {
        let Call::Posting(call) = asked.call else {
            return Err(Error::new(
                ErrorKind::Panicked,
                asked.op,
                "the request does not only post",
            ));
        };
        let torrent = self.session.torrent(id.get());
        torrent
            .and_then(|torrent| call(&torrent))
            .map_err(|exception| Error::from_native("", &exception))
    }

    fn request_of_torrent(
        &mut self,
        request: u64,
        id: TorrentId,
        asked: TorrentRequest,
    ) -> Result<()> {
        let Call::Task(task) = asked.call else {
            return Err(Error::new(ErrorKind::Panicked, asked.op, "the request only posts"));
        };
        let Task { by, index, call, .. } = *task;
        let task = Box::new(TorrentTask { request, call, answers: self.answers.clone() });
        let client_data = convert::client_data_record(&asked.client_data.unwrap_or_default());
        self.session
            .pin_mut()
            .run_on_torrent(request, id.get(), by, index, &client_data, task)
            .map_err(|exception| Error::from_native("", &exception))
    }

    fn request_of_session(&mut self, request: u64, asked: SessionRequest) -> Result<()> {
        let SessionRequest { part, call, .. } = asked;
        let task = Box::new(SessionTask { request, part, call, answers: self.answers.clone() });
        self.session
            .pin_mut()
            .run_on_session(task)
            .map_err(|exception| Error::from_native("", &exception))
    }

    fn subscribe(&mut self, kinds: EventKinds) -> Result<()> {
        let any = |alerts| kinds.iter().any(|kind| kind.alerts().contains(&alerts));
        let interest = sys::InterestRecord {
            peers: any(AlertFamily::Peers),
            connections: any(AlertFamily::Connections),
            trackers: any(AlertFamily::Trackers),
            files: any(AlertFamily::Files),
            pieces: any(AlertFamily::Pieces),
            performance: any(AlertFamily::Performance),
        };
        self.session
            .pin_mut()
            .subscribe(&interest)
            .map_err(|exception| Error::from_native("subscribe", &exception))
    }

    fn request_statuses(&mut self) -> Result<()> {
        self.session
            .pin_mut()
            .request_statuses()
            .map_err(|exception| Error::from_native(op::STATUS, &exception))
    }

    fn request_every_status(&mut self, _shard: usize) -> Result<()> {
        self.session
            .pin_mut()
            .request_every_status()
            .map_err(|exception| Error::from_native(op::STATUS, &exception))
    }

    fn request_statistics(&mut self) -> Result<()> {
        self.session
            .pin_mut()
            .request_statistics()
            .map_err(|exception| Error::from_native(op::STATISTICS, &exception))
    }

    fn drain(&mut self) -> Result<Vec<(usize, EngineEvent)>> {
        const DRAIN: &str = "read libtorrent's alerts";
        let failed = |exception: &cxx::Exception| Error::from_native(DRAIN, exception);
        let mut session = self.session.pin_mut();
        session.as_mut().pop_alerts().map_err(|exception| failed(&exception))?;
        // After the alerts are popped and before they are converted: failed requests must be
        // forgotten, so that the alerts answer the requests that came later.
        let mut alerts = Alerts::default();
        for (request, answer) in self.answers.take() {
            if answer.is_err()
                && let Err(exception) = session.as_mut().forget_request(request)
            {
                alerts.events.push(EngineEvent::EngineFailed(failed(&exception)));
            }
            alerts.answers.push(EngineEvent::Answered { request, answer });
        }
        if let Err(exception) = session.convert_alerts(&mut alerts) {
            alerts.events.push(EngineEvent::EngineFailed(failed(&exception)));
            alerts.events.push(EngineEvent::Dropped);
        }
        // Events come before the answers that they lead to.
        let Alerts { events, answers, .. } = alerts;
        Ok(events.into_iter().chain(answers).map(|event| (0, event)).collect())
    }

    fn abort(self) -> Result<Box<dyn FnOnce() + Send>> {
        let teardown = sys::abort_session(self.session)
            .map_err(|exception| Error::from_native("stop the client", &exception))?;
        Ok(Box::new(move || drop(teardown)))
    }
}
