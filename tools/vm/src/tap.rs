//! What was found, one line a check, as the Test Anything Protocol has it.

/// A check's end: what there is to tell, or what is wrong.
pub type Verdict = Result<String, String>;

/// Counts and prints.
#[derive(Default)]
pub struct Tap {
    checks: u32,
}

impl Tap {
    /// Runs a check and prints its line.
    pub fn check(&mut self, name: &str, check: impl FnOnce() -> Verdict) {
        self.checks += 1;
        match check() {
            Ok(told) => {
                println!("ok {} - {name}", self.checks);
                told.lines().for_each(|line| println!("# {line}"));
            }
            Err(why) => {
                println!("not ok {} - {name}", self.checks);
                why.lines().for_each(|line| println!("# {line}"));
            }
        }
    }

    /// The plan: how many checks there were. A run that died before has none.
    pub fn end(self) {
        println!("1..{}", self.checks);
    }
}

/// An error with these words unless `holds`.
///
/// # Errors
/// When it does not hold.
pub fn require(holds: bool, words: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(words()) }
}
