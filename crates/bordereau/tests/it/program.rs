//! Running the binary, and a server of it that dies with its handle.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

pub const USER: &str = "ann";
pub const PASSWORD: &str = "correct horse";

/// The binary (another one when `BORDEREAU_PROGRAM` names it) with an environment that holds none of our settings.
pub fn bordereau() -> Command {
    let built = || env!("CARGO_BIN_EXE_bordereau").into();
    command(std::env::var_os("BORDEREAU_PROGRAM").unwrap_or_else(built))
}

/// A program with an environment that holds none of our settings.
pub fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("BORDEREAU_") {
            command.env_remove(name);
        }
    }
    command
}

/// Runs the binary to its end.
pub fn run<S: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = S>) -> Output {
    bordereau().args(arguments).output().unwrap()
}

/// The exit code, standard output and standard error of a run.
pub fn said(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

/// Runs the binary with a line on its standard input; panics unless it succeeds.
pub fn run_with_input(arguments: &[&str], input: &str) {
    let mut child = bordereau().args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}

/// A data folder with the customer `valen` and the user [`USER`].
pub fn data_folder(folder: &Path) -> PathBuf {
    let data = folder.join("data");
    std::fs::create_dir_all(folder).unwrap();
    let path = data.to_str().unwrap();
    assert!(run(["customer", "add", "valen", "--data", path]).status.success());
    run_with_input(&["user", "add", USER, "--customer", "valen", "--password-stdin", "--data", path], PASSWORD);
    data
}

/// A running server; killed without warning when dropped.
pub struct Server {
    child: Child,
    pub url: String,
}

impl Server {
    pub fn start(data: &Path, more: &[&str]) -> Self {
        Self::start_in(data, more, &[])
    }

    /// In an environment with more variables.
    pub fn start_in(data: &Path, more: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = bordereau();
        command.envs(environment.iter().copied());
        command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data).args(more);
        Self::of(command)
    }

    /// The server that a command starts.
    pub fn of(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on ").expect("the server says where it listens").to_owned();
        Self { child, url }
    }

    /// The number of the process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its end; the exit code.
    pub fn wait(&mut self) -> i32 {
        self.child.wait().unwrap().code().unwrap()
    }

    /// SIGKILL, and waits until the process is gone.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The reference data, which is not part of this project.
pub fn reference_data() -> PathBuf {
    match std::env::var_os("BORDEREAU_REFERENCE_DATA") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
    }
}

/// The root of this project.
pub fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
