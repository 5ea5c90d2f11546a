//! A listener's session over any kind of link (`link`): hello and goodbye, messages and answers.
//!
//! The session runs as a task on the fan-out thread ([`converse`]), which also sends the sound.

use super::access_control::AccessControl;
use super::broadcast::Broadcast;
use super::control::{FromListener, ToListener};
use super::limits::MESSAGES_PER_S_MAX;
use super::link::{Conversation, Ending, Incoming};
use super::listeners::{Listener, Listeners};
use super::refusals::Refusal;
use super::settings::Settings;
use super::stopping::stopped;
use crate::clock::mono_raw_now;
use crate::core::wire;
use crate::hub::SourceStatus;
use crate::hub::reports::{Report, Served};
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::time::{Instant, sleep_until, timeout};

/// Minimum time between two reports of a listener: we ask for one a second, and a page's timer may be early.
const REPORT_PAUSE: Duration = Duration::from_millis(900);
/// Maximum time for which an answer may wait for room; then the listener is dropped.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// Interval at which a listener's right to listen is checked, because a key may have been set.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The reason why a session ends.
enum End {
    /// The listener left, or its connection broke.
    Gone,
    /// We end the session, with this reason, also in words.
    Close(Ending, String),
}

impl End {
    /// Ends the session with a refusal, and counts it under its name.
    fn refuse(access_control: &AccessControl, refusal: Refusal, words: impl Into<String>) -> Self {
        access_control.refusals.count(refusal);
        Self::Close(Ending::Refused(refusal), words.into())
    }
}

/// Converses with a listener until it leaves or the service stops.
pub(super) async fn converse(
    listeners: &Listeners,
    listener: &Listener,
    mut conversation: Box<dyn Conversation>,
) {
    let end = Session::new(&mut *conversation, listeners, listener).run().await;
    if let End::Close(ending, words) = end {
        listener.outgoing.borrow_mut().queue_mut().close();
        conversation.close(ending, words).await;
    }
}

/// A session in progress.
struct Session<'a> {
    conversation: &'a mut dyn Conversation,
    listeners: &'a Listeners,
    listener: &'a Listener,
    /// The start of the current second of incoming messages.
    second_began: Instant,
    heard_this_second: u32,
    /// Reports before this time are ignored.
    report_due: Instant,
    last_report: Report,
    /// The time of the next check of the listener's right to listen.
    look_due: Instant,
}

impl<'a> Session<'a> {
    fn new(conversation: &'a mut dyn Conversation, listeners: &'a Listeners, listener: &'a Listener) -> Self {
        let now = Instant::now();
        Self {
            conversation,
            listeners,
            listener,
            second_began: now,
            heard_this_second: 0,
            report_due: now,
            last_report: Report::default(),
            look_due: now + LOOK_EVERY,
        }
    }

    async fn run(mut self) -> End {
        let mut source = self.listeners.source.subscribe();
        let mut stop = self.listeners.stop.subscribe();
        let mut stopped = std::pin::pin!(stopped(&mut stop));
        let rate = self.listeners.layout().rate();
        let hello = self.hello(&source.borrow_and_update());
        if let Err(end) = self.send(hello).await {
            return end;
        }
        if self.listeners.layout().rate() != rate {
            return Self::comes_anew();
        }
        self.listener.outgoing.borrow_mut().queue_mut().open();
        self.listeners.serve(self.listener); // start here, not after the next packet, which may begin a timeline
        if self.listener.outgoing.borrow().queue().serving().chunk_packets > 1 {
            self.listener.chunk_changed.notify_one();
        }
        loop {
            let done = tokio::select! {
                // The stop comes first, the listener's messages last.
                biased;
                () = &mut stopped => {
                    Err(End::Close(Ending::Stopping, "the service is stopping; it will be back".into()))
                }
                changed = source.changed() => match changed {
                    Ok(()) => {
                        let source = source.borrow_and_update().source.clone();
                        self.send(ToListener::Source { source }.to_text()).await
                    }
                    Err(_) => Err(End::Close(Ending::Stopping, "the service is stopping".into())),
                },
                () = self.listener.rate_changed.notified() => Err(Self::comes_anew()),
                () = self.listener.chunk_changed.notified() => self.tell_chunk().await,
                () = sleep_until(self.look_due) => self.look(),
                heard = self.conversation.hear() => self.heard(heard).await,
            };
            if let Err(end) = done {
                return end;
            }
        }
    }

    /// Ends the session after a change of rate: a stream keeps its rate as long as it lasts.
    fn comes_anew() -> End {
        End::Close(Ending::OtherStream, "another source plays, at another rate; listen again".into())
    }

    /// Returns the broadcast that the listener is sent.
    fn broadcast(&self) -> &Broadcast {
        self.listeners.broadcast(&self.listener.client)
    }

    fn hello(&self, status: &SourceStatus) -> String {
        let (layout, broadcast) = (self.listeners.layout(), self.broadcast());
        ToListener::Hello {
            wire_version: wire::VERSION,
            server_version: env!("CARGO_PKG_VERSION").into(),
            format: broadcast.format.into(),
            rate_hz: layout.rate().0,
            channels: broadcast.channels,
            period_frames: layout.period_frames(),
            chunk_frames: broadcast.chunk_frames(1),
            source: status.source.clone(),
        }
        .to_text()
    }

    async fn tell_chunk(&mut self) -> Result<(), End> {
        let Served { chunk_frames, why, .. } = self.served();
        self.send(ToListener::Chunk { chunk_frames, why }.to_text()).await
    }

    async fn send(&mut self, text: String) -> Result<(), End> {
        let bytes = text.len() as u64;
        match timeout(WRITE_TIMEOUT, self.conversation.say(text)).await {
            Ok(Ok(())) => {
                self.listeners.numbers.totals.messages.fetch_add(1, Relaxed);
                self.listeners.numbers.totals.bytes.fetch_add(bytes, Relaxed);
                Ok(())
            }
            Ok(Err(_)) | Err(_) => Err(End::Gone),
        }
    }

    /// Handles a message of the listener.
    async fn heard(&mut self, heard: Incoming) -> Result<(), End> {
        let access_control = &self.listeners.access_control;
        let refuse = |refusal, words: &str| Err(End::refuse(access_control, refusal, words));
        let text = match heard {
            Incoming::Gone => return Err(End::Gone),
            Incoming::Fault(refusal, words) => return refuse(refusal, &words),
            Incoming::Goodbye => {
                self.listener.outgoing.borrow_mut().queue_mut().close();
                self.conversation.part().await;
                return Err(End::Gone);
            }
            Incoming::Text(text) => Some(text),
            Incoming::Nothing => None,
        };
        if !self.may_speak() {
            return refuse(Refusal::MessagesTooMany, "too many messages: 50 a second are allowed");
        }
        let Some(text) = text else { return Ok(()) };
        let received_ns = mono_raw_now().0;
        match FromListener::parse(&text) {
            Err(reason) => refuse(Refusal::MessageUnknown, &reason),
            Ok(FromListener::Ping { id }) => {
                self.send(ToListener::Pong { id, received_ns, sent_ns: mono_raw_now().0 }.to_text()).await
            }
            Ok(FromListener::SetPair { first_channel }) => match self.set_pair(first_channel) {
                Ok(()) => Ok(()),
                Err(reason) => {
                    let (about, reason) = ("set_pair".into(), reason.into());
                    self.send(ToListener::Refused { about, reason }.to_text()).await
                }
            },
            Ok(FromListener::Report(report)) => {
                self.keep(report);
                Ok(())
            }
        }
    }

    /// Checks the request here, and hands it to a thread that may wait for the disk.
    fn set_pair(&self, first_channel: u16) -> Result<(), String> {
        let AccessControl { access, refusals } = &self.listeners.access_control;
        if !self.listener.client.grant(access).set {
            refusals.count(Refusal::KeyMissing);
            return Err(
                "Changing the channels needs the settings key: enter it under Listeners and access.".into()
            );
        }
        self.listeners.now_playing.check_pair(first_channel)?;
        let wish = Settings { first_channel: Some(first_channel) };
        let given = self.listeners.changes.borrow_mut().give(wish);
        given.map_err(|_| "The channels are being changed too often: try again in a moment.".into())
    }

    /// Checks whether the client may still listen.
    fn look(&mut self) -> Result<(), End> {
        self.look_due = Instant::now() + LOOK_EVERY;
        if self.listener.client.grant(&self.listeners.access_control.access).listen {
            return Ok(());
        }
        let words = "A key is needed to listen now: enter it on the page.";
        Err(End::refuse(&self.listeners.access_control, Refusal::KeyMissing, words))
    }

    /// Stores a report and adapts to it, unless it comes too soon after the last. Counts only grow, so the next report
    /// covers a skipped one.
    fn keep(&mut self, report: Report) {
        let now = Instant::now();
        if now < self.report_due {
            return;
        }
        self.report_due = now + REPORT_PAUSE;
        let facts = report.facts(&self.last_report);
        if self.listener.outgoing.borrow_mut().queue_mut().report(facts) {
            self.listener.chunk_changed.notify_one();
        }
        self.last_report.clone_from(&report);
        if !self.listeners.numbers.reports.keep(self.listener.number, report, self.served()) {
            self.listeners.numbers.fan_out.reports_skipped.fetch_add(1, Relaxed);
        }
    }

    fn served(&self) -> Served {
        let serving = self.listener.outgoing.borrow().queue().serving();
        let queue_frames = self.broadcast().chunk_frames(serving.queue_packets as u32);
        Served {
            chunk_frames: self.broadcast().chunk_frames(serving.chunk_packets),
            queue_ms: (u64::from(queue_frames) * 1000 / u64::from(self.listeners.layout().rate().0)) as u32,
            why: serving.why,
        }
    }

    fn may_speak(&mut self) -> bool {
        let now = Instant::now();
        if now - self.second_began >= Duration::from_secs(1) {
            self.second_began = now;
            self.heard_this_second = 0;
        }
        self.heard_this_second += 1;
        self.heard_this_second <= MESSAGES_PER_S_MAX
    }
}
