//! A dummy jackd with its own server name, and a client that writes a frame counter into its graph.
//!
//! The tests load libjack while they run. So they build without jack, and without it they fail with a clear
//! message. The library can talk to only one server per process, so each user of a server must hold [`turn`].

use std::ffi::{CStr, CString, c_char, c_int, c_ulong, c_void};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use synthwire::clock::mono_raw_now;

/// Frames per cycle of the graph (1.5 ms): half a period of the service, so that jack is never the
/// bottleneck.
pub(crate) const CYCLE_FRAMES: u32 = 64;
/// The count of the first frame. From this start value on, no channel is silent for a day.
const FIRST_COUNT: u32 = 0x1_0001;
/// Interval and number of the checks whether a newly started server is ready.
const ASK_EVERY: Duration = Duration::from_millis(50);
const ASK_TIMES: u32 = 600;

/// The packages to install when something is missing.
const PACKAGES: &str =
    "Install them with 'scripts/packages.sh test', or: apt install jackd2 libasound2-plugins";

/// Waits until this test may run a server.
pub(crate) fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A running jackd, which is ended when the value is dropped.
pub(crate) struct Server {
    child: Child,
    name: String,
}

impl Server {
    /// Starts the server. In synchronous mode (`-S`) each cycle waits for its clients, so the test rig itself
    /// never skips a cycle.
    pub(crate) fn start(name: &str) -> Self {
        require_alsa_plugin();
        let child = Command::new("jackd")
            .args(["-n", name, "-R", "-P", "10", "-m", "-S", "-d", "dummy", "-r", "44100"])
            .args(["-p", &CYCLE_FRAMES.to_string()])
            .env("JACK_NO_AUDIO_RESERVATION", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("jackd does not start ({error}). {PACKAGES}"));
        Self { child, name: name.into() }
    }

    /// Ends the server as a crash does, without telling its clients.
    pub(crate) fn crash(mut self) {
        let _ = self.child.kill();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // SIGTERM comes first, so that the server removes its shared memory. A server that has crashed is
        // only reaped.
        let pid = nix::unistd::Pid::from_raw(self.child.id().cast_signed());
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM);
        }
        let _ = self.child.wait();
        // A killed client leaves its semaphore behind; a crashed server leaves all its files.
        for file in std::fs::read_dir("/dev/shm").into_iter().flatten().flatten() {
            if file.file_name().to_string_lossy().contains(&format!("_{}_", self.name)) {
                let _ = std::fs::remove_file(file.path());
            }
        }
    }
}

fn require_alsa_plugin() {
    let folders = ["/usr/lib", "/usr/lib64", "/usr/local/lib"];
    let has = |folder: &str| {
        let plugin = "alsa-lib/libasound_module_pcm_jack.so";
        let inner = std::fs::read_dir(folder).into_iter().flatten().flatten();
        std::path::Path::new(folder).join(plugin).exists()
            || inner.into_iter().any(|e| e.path().join(plugin).exists())
    };
    assert!(folders.into_iter().any(has), "alsa-lib has no jack plugin (libasound2-plugins). {PACKAGES}");
}

/// Opaque to us.
#[repr(C)]
struct Client([u8; 0]);
/// Opaque to us.
#[repr(C)]
struct Port([u8; 0]);

/// The functions of `jack.h` that we need.
struct Library {
    client_open: unsafe extern "C" fn(*const c_char, c_int, *mut c_int, ...) -> *mut Client,
    client_close: unsafe extern "C" fn(*mut Client) -> c_int,
    port_register:
        unsafe extern "C" fn(*mut Client, *const c_char, *const c_char, c_ulong, c_ulong) -> *mut Port,
    port_get_buffer: unsafe extern "C" fn(*mut Port, u32) -> *mut c_void,
    set_process:
        unsafe extern "C" fn(*mut Client, extern "C" fn(u32, *mut c_void) -> c_int, *mut c_void) -> c_int,
    set_xrun: unsafe extern "C" fn(*mut Client, extern "C" fn(*mut c_void) -> c_int, *mut c_void) -> c_int,
    on_shutdown: unsafe extern "C" fn(*mut Client, extern "C" fn(*mut c_void), *mut c_void),
    activate: unsafe extern "C" fn(*mut Client) -> c_int,
}

unsafe extern "C" {
    fn dlopen(name: *const c_char, flags: c_int) -> *mut c_void;
    fn dlsym(library: *mut c_void, name: *const c_char) -> *mut c_void;
}

const RTLD_NOW: c_int = 2;
const NO_START_SERVER: c_int = 0x01;
const SERVER_NAME: c_int = 0x04;
const IS_OUTPUT: c_ulong = 2;

impl Library {
    #[allow(clippy::missing_transmute_annotations, reason = "the fields beside them say the types")]
    fn load() -> Self {
        // SAFETY: the names are zero-terminated; each symbol is checked for null and has, by jack.h, the type of its field
        // (all of them are pointers to functions, as wide as the void pointer they come as). Nothing is ever unloaded.
        unsafe {
            let library = dlopen(c"libjack.so.0".as_ptr(), RTLD_NOW);
            assert!(!library.is_null(), "there is no libjack.so.0 (package libjack-jackd2-0). {PACKAGES}");
            let find = |name: &CStr| {
                let symbol = dlsym(library, name.as_ptr());
                assert!(!symbol.is_null(), "libjack has no {name:?}");
                symbol
            };
            let quiet: unsafe extern "C" fn(Option<extern "C" fn(*const c_char)>) =
                std::mem::transmute(find(c"jack_set_error_function"));
            quiet(Some(say_nothing));
            Self {
                client_open: std::mem::transmute(find(c"jack_client_open")),
                client_close: std::mem::transmute(find(c"jack_client_close")),
                port_register: std::mem::transmute(find(c"jack_port_register")),
                port_get_buffer: std::mem::transmute(find(c"jack_port_get_buffer")),
                set_process: std::mem::transmute(find(c"jack_set_process_callback")),
                set_xrun: std::mem::transmute(find(c"jack_set_xrun_callback")),
                on_shutdown: std::mem::transmute(find(c"jack_on_shutdown")),
                activate: std::mem::transmute(find(c"jack_activate")),
            }
        }
    }
}

/// A client that writes a frame counter to the ports `feed:left` and `feed:right`, as `Pattern::Counter`
/// does.
pub(crate) struct Feeder {
    work: Box<Work>,
    client: *mut Client,
}

/// The state that jack's own thread uses.
struct Work {
    library: Library,
    ports: [*mut Port; 2],
    /// Time of the first cycle, in ns.
    began: AtomicU64,
    count: AtomicU32,
    /// Number of times jack reported a late graph.
    late: AtomicU64,
}

impl Feeder {
    /// Joins the graph of the server with this name as soon as the server is ready.
    pub(crate) fn start(server: &str) -> Self {
        let library = Library::load();
        let name = CString::new(server).unwrap();
        let mut client = std::ptr::null_mut();
        for _ in 0..ASK_TIMES {
            let mut status = 0;
            let options = NO_START_SERVER | SERVER_NAME;
            // SAFETY: the strings are zero-terminated and outlive the call; with SERVER_NAME, jack reads one
            // more argument.
            client =
                unsafe { (library.client_open)(c"feed".as_ptr(), options, &raw mut status, name.as_ptr()) };
            if !client.is_null() {
                break;
            }
            std::thread::sleep(ASK_EVERY);
        }
        assert!(
            !client.is_null(),
            "jackd was started but nobody can connect to it: try 'jackd -d dummy' by hand"
        );
        let audio = c"32 bit float mono audio".as_ptr();
        // SAFETY: the client is open, the strings are zero-terminated.
        let ports = [c"left", c"right"]
            .map(|port| unsafe { (library.port_register)(client, port.as_ptr(), audio, IS_OUTPUT, 0) });
        assert!(ports.iter().all(|port| !port.is_null()), "jack gives no ports");
        let mut work = Box::new(Work {
            library,
            ports,
            began: AtomicU64::new(0),
            count: AtomicU32::new(FIRST_COUNT),
            late: AtomicU64::new(0),
        });
        let shared = (&raw mut *work).cast::<c_void>();
        // SAFETY: the box stays where it is until `drop` has closed the client; the callbacks only read it and its atomics.
        unsafe {
            (work.library.set_process)(client, feed, shared);
            (work.library.set_xrun)(client, note_late, shared);
            (work.library.on_shutdown)(client, survive, shared);
            assert_eq!((work.library.activate)(client), 0, "jack runs the feeder");
        }
        Self { work, client }
    }

    /// Frames that the feeder has written so far.
    pub(crate) fn frames(&self) -> u32 {
        self.work.count.load(Relaxed) - FIRST_COUNT
    }

    /// Returns the number of frames by which the graph lags its nominal rate now, accurate to one cycle.
    pub(crate) fn behind(&self) -> i64 {
        let elapsed_ns = mono_raw_now().0 - self.work.began.load(Relaxed);
        (elapsed_ns * 44_100 / 1_000_000_000).cast_signed() - i64::from(self.frames())
    }

    /// Returns how often the graph was late.
    pub(crate) fn late(&self) -> u64 {
        self.work.late.load(Relaxed)
    }
}

impl Drop for Feeder {
    fn drop(&mut self) {
        // SAFETY: the client is open until here, even when its server has disappeared (jack.h requires the
        // close in that case, too).
        unsafe { (self.work.library.client_close)(self.client) };
    }
}

extern "C" fn feed(frames: u32, work: *mut c_void) -> c_int {
    // SAFETY: `work` is the feeder's box (see `start`); the buffers hold `frames` floats during this call.
    unsafe {
        let work = &*work.cast::<Work>();
        let _ = work.began.compare_exchange(0, mono_raw_now().0, Relaxed, Relaxed);
        let first = work.count.fetch_add(frames, Relaxed);
        for (port, shift) in work.ports.into_iter().zip([0, 16]) {
            let buffer = (work.library.port_get_buffer)(port, frames).cast::<f32>();
            for (sample, place) in std::slice::from_raw_parts_mut(buffer, frames as usize).iter_mut().zip(0..)
            {
                let half = (first.wrapping_add(place) >> shift) as u16;
                *sample = f32::from(half.cast_signed()) / 32_768.0;
            }
        }
    }
    0
}

extern "C" fn note_late(work: *mut c_void) -> c_int {
    // SAFETY: as above.
    unsafe { &*work.cast::<Work>() }.late.fetch_add(1, Relaxed);
    0
}

extern "C" fn survive(_: *mut c_void) {}

extern "C" fn say_nothing(_: *const c_char) {}
