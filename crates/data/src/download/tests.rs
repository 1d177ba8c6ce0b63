//! Against a small server on this machine that says what the test tells it to.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use flate2::{Compression, write::GzEncoder};
use ganvas_prob::stream::{Streams, uniforms};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::*;
use crate::catalog::{Entry, Origin};
use crate::dataset::hex;
use crate::get::{Got, How, get_entry};
use crate::idx::Idx;
use crate::open::open_entry;
use crate::{OpenOptions, Values};

/// What the server answers: a status line with headers, and the bytes that it sends before it closes the connection.
type Answer = Box<dyn Fn(&str, Option<usize>) -> (String, Vec<u8>) + Send>;

/// Path and first byte of the range of each request.
type Asked = Vec<(String, Option<usize>)>;

/// Answers one request with each of the answers, in this order. What was asked is kept.
struct Server {
    url: String,
    asked: Arc<Mutex<Asked>>,
}

impl Server {
    fn new(answers: impl IntoIterator<Item = Answer> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/data", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        let answers: Vec<Answer> = answers.into_iter().collect();
        std::thread::spawn(move || {
            for answer in answers {
                let Ok((mut stream, _)) = listener.accept() else { return };
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
                let first = lines.next().unwrap_or_default();
                let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
                let mut range = None;
                for line in lines.take_while(|line| !line.is_empty()) {
                    if let Some(value) = line.to_lowercase().strip_prefix("range: bytes=") {
                        range = value.trim_end_matches('-').parse().ok();
                    }
                }
                let (head, body) = answer(&path, range);
                log.lock().unwrap().push((path, range));
                let _ = write!(stream, "HTTP/1.1 {head}\r\nConnection: close\r\n\r\n");
                let _ = stream.write_all(&body);
            }
        });
        Self { url, asked }
    }

    fn urls(&self) -> &[String] {
        std::slice::from_ref(&self.url)
    }

    fn ranges(&self) -> Vec<Option<usize>> {
        self.asked.lock().unwrap().iter().map(|(_, range)| *range).collect()
    }
}

/// All of it, or from where it was asked for.
fn whole(bytes: &[u8]) -> Answer {
    let bytes = bytes.to_vec();
    Box::new(move |_, range| {
        let from = range.unwrap_or(0);
        let (status, rest) = if from > 0 { ("206 Partial Content", &bytes[from..]) } else { ("200 OK", &bytes[..]) };
        let length = rest.len();
        let range = format!("Content-Range: bytes {from}-{}/{}", bytes.len() - 1, bytes.len());
        (format!("{status}\r\nContent-Length: {length}\r\n{range}"), rest.to_vec())
    })
}

/// Breaks off after so many bytes.
fn broken(bytes: &[u8], after: usize) -> Answer {
    let whole = whole(bytes);
    Box::new(move |path, range| {
        let (head, mut body) = whole(path, range);
        body.truncate(after);
        (head, body)
    })
}

fn status(line: &'static str) -> Answer {
    Box::new(move |_, _| (format!("{line}\r\nContent-Length: 0"), Vec::new()))
}

fn idx(dims: &[usize], data: Vec<u8>) -> Vec<u8> {
    let mut bytes = Vec::new();
    Idx { dims: dims.to_vec(), data }.write(&mut bytes).unwrap();
    bytes
}

fn packed(bytes: &[u8], level: Compression) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), level);
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A catalogue entry of two training images and one test image of 64 x 64 pixels, and its unpacked files.
fn entry() -> (&'static Entry, Vec<(&'static str, Vec<u8>)>) {
    // Noise does not pack: the files are long enough to be cut anywhere.
    let noise = |n: usize, seed: u64| -> Vec<u8> {
        uniforms(&mut Streams::new(seed).rng("noise", 0), n).into_iter().map(|u| (u * 256.0) as u8).collect()
    };
    let contents = vec![
        ("train-images-idx3-ubyte.gz", idx(&[2, 64, 64], noise(2 * 4096, 7))),
        ("train-labels-idx1-ubyte.gz", idx(&[2], vec![0, 1])),
        ("t10k-images-idx3-ubyte.gz", idx(&[1, 64, 64], noise(4096, 11))),
        ("t10k-labels-idx1-ubyte.gz", idx(&[1], vec![1])),
    ];
    let leak = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
    let files = contents.iter().map(|(name, bytes)| RemoteFile {
        name,
        packed_sha256: leak(hex(&Sha256::digest(packed(bytes, Compression::best())))),
        packed_size: packed(bytes, Compression::best()).len() as u64,
        sha256: leak(hex(&Sha256::digest(bytes))),
        size: bytes.len() as u64,
    });
    let files = Box::leak(files.collect::<Vec<_>>().into_boxed_slice());
    let origin = Origin::Files { folder: "tiny", base_urls: &[], files };
    let entry = Entry {
        id: "tiny",
        title: "Tiny",
        shape: "1x64x64",
        items: 3,
        test_items: 1,
        class_names: &["a", "b"],
        licence: "",
        attribution: "",
        source: "",
        origin,
    };
    (Box::leak(Box::new(entry)), contents)
}

fn first_file() -> (&'static RemoteFile, Vec<u8>) {
    let (entry, contents) = entry();
    let Origin::Files { files, .. } = entry.origin else { unreachable!() };
    (&files[0], packed(&contents[0].1, Compression::best()))
}

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("images.gz");
    (folder, target)
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_whole_download_has_the_served_bytes_and_reports_each_step() {
    let (file, bytes) = first_file();
    let (folder, target) = folder();
    let server = Server::new([whole(&bytes)]);
    let mut steps = Vec::new();
    download(server.urls(), file, &target, &mut |progress| steps.push(progress)).unwrap();
    assert_eq!(fs::read(&target).unwrap(), bytes);
    assert_eq!(names(folder.path()), ["images.gz"]);
    assert_eq!(steps[0].done_bytes, 0);
    assert_eq!(steps.last().unwrap().done_bytes, bytes.len() as u64);
    assert!(steps.iter().all(|step| step.total_bytes == Some(bytes.len() as u64) && step.file == file.name));
    assert!(steps.is_sorted_by_key(|step| step.done_bytes));
}

#[test]
fn a_connection_that_breaks_off_is_continued_where_it_broke() {
    let (file, bytes) = first_file();
    let (folder, target) = folder();
    let server = Server::new([broken(&bytes, 1000), broken(&bytes, 500), whole(&bytes)]);
    download(server.urls(), file, &target, &mut |_| {}).unwrap();
    assert_eq!(server.ranges(), [None, Some(1000), Some(1500)]);
    assert_eq!(fs::read(&target).unwrap(), bytes);
    assert_eq!(names(folder.path()), ["images.gz"]);
}

#[test]
fn what_arrived_is_kept_for_the_next_call() {
    let (file, bytes) = first_file();
    let (folder, target) = folder();
    let server = Server::new([broken(&bytes, 1000), status("404 Not Found"), whole(&bytes)]);
    let error = download(server.urls(), file, &target, &mut |_| {}).unwrap_err();
    assert!(matches!(&error, DataError::Download { attempts, .. } if attempts.len() == 2), "{error}");
    assert_eq!(names(folder.path()), ["images.gz.part"]);
    download(server.urls(), file, &target, &mut |_| {}).unwrap();
    assert_eq!(server.ranges(), [None, Some(1000), Some(1000)]);
    assert_eq!(fs::read(&target).unwrap(), bytes);
}

#[test]
fn a_server_without_ranges_gives_the_file_from_its_beginning() {
    let (file, bytes) = first_file();
    let (_folder, target) = folder();
    let all = whole(&bytes);
    let server = Server::new([broken(&bytes, 1000), Box::new(move |path, _| all(path, None))]);
    download(server.urls(), file, &target, &mut |_| {}).unwrap();
    assert_eq!(fs::read(&target).unwrap(), bytes);
}

#[test]
fn wrong_contents_name_both_hashes_and_leave_nothing() {
    let (file, _) = first_file();
    let (folder, target) = folder();
    let wrong = packed(&idx(&[1], vec![3]), Compression::best());
    let server = Server::new([whole(&wrong)]);
    let error = download(server.urls(), file, &target, &mut |_| {}).unwrap_err();
    let DataError::WrongHash { path, expected, got } = &error else { panic!("{error}") };
    assert_eq!(path, Path::new(&server.url));
    assert_eq!(expected, file.sha256);
    assert_eq!(*got, hex(&Sha256::digest(idx(&[1], vec![3]))));
    assert!(names(folder.path()).is_empty());
}

#[test]
fn a_wrong_beginning_that_was_kept_is_thrown_away_and_all_is_fetched_anew() {
    let (file, bytes) = first_file();
    let (_folder, target) = folder();
    fs::write(target.with_added_extension("part"), vec![7; 1000]).unwrap();
    let server = Server::new([whole(&bytes), whole(&bytes)]);
    download(server.urls(), file, &target, &mut |_| {}).unwrap();
    assert_eq!(server.ranges(), [Some(1000), None]);
    assert_eq!(fs::read(&target).unwrap(), bytes);
}

#[test]
fn more_was_kept_than_the_server_has() {
    let (file, bytes) = first_file();
    let (_folder, target) = folder();
    fs::write(target.with_added_extension("part"), vec![7; bytes.len() + 5]).unwrap();
    let server = Server::new([status("416 Range Not Satisfiable"), whole(&bytes)]);
    download(server.urls(), file, &target, &mut |_| {}).unwrap();
    assert_eq!(fs::read(&target).unwrap(), bytes);
}

#[test]
fn the_next_source_is_asked_when_one_refuses_or_gives_something_else() {
    let (file, bytes) = first_file();
    let (_folder, target) = folder();
    let nobody = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}/", listener.local_addr().unwrap())
    };
    let refuses = Server::new([status("503 Service Unavailable")]);
    let page = Server::new([whole(b"<html>moved</html>")]);
    let good = Server::new([whole(&bytes)]);
    let urls = [nobody, refuses.url.clone(), page.url.clone(), good.url.clone()];
    download(&urls, file, &target, &mut |_| {}).unwrap();
    assert_eq!(fs::read(&target).unwrap(), bytes);
}

#[test]
fn a_server_that_sends_without_end_is_cut_off() {
    let (file, _) = first_file();
    let (folder, target) = folder();
    let declared =
        Server::new([Box::new(|_: &str, _| ("200 OK\r\nContent-Length: 99999999999".into(), vec![])) as Answer]);
    let undeclared = Server::new([Box::new(|_: &str, _| ("200 OK".into(), vec![0_u8; 1 << 20])) as Answer]);
    let error = download(&[declared.url.clone(), undeclared.url.clone()], file, &target, &mut |_| {}).unwrap_err();
    assert!(error.to_string().contains("bytes or more, expected about"), "{error}");
    assert!(names(folder.path()).is_empty());
}

#[test]
fn all_files_of_an_entry_are_fetched_then_found_then_opened() {
    let (entry, contents) = entry();
    let answers: Vec<Answer> = contents.iter().map(|(_, bytes)| whole(&packed(bytes, Compression::best()))).collect();
    let server = Server::new(answers);
    let cache = tempfile::tempdir().unwrap();
    let options =
        OpenOptions { cache: Some(cache.path().to_owned()), base_urls: vec![server.url.clone()], ..Default::default() };
    let hows = |got: &Got| got.files.iter().map(|file| file.how).collect::<Vec<_>>();

    assert!(matches!(open_entry(entry, &options), Err(DataError::NotFetched { .. })));
    assert_eq!(hows(&get_entry(entry, None, &options, &mut |_| {}).unwrap()), [How::Downloaded; 4]);
    let paths: Vec<String> = server.asked.lock().unwrap().iter().map(|(path, _)| path.clone()).collect();
    let expected: Vec<String> = contents.iter().map(|(name, _)| format!("/data/{name}")).collect();
    assert_eq!(paths, expected);

    // The server has no answer left: what is there is not fetched again.
    assert_eq!(hows(&get_entry(entry, None, &options, &mut |_| {}).unwrap()), [How::Present; 4]);
    let dataset = open_entry(entry, &options).unwrap();
    assert_eq!((dataset.train.len, dataset.test.len, dataset.shape.to_string()), (2, 1, "1x64x64".to_owned()));
    assert_eq!(dataset.train.values, Values::U8(contents[0].1[16..].to_vec()));
    assert_eq!(dataset.test.labels, Some(vec![1]));

    // A file that was damaged later is noticed by `open`, and replaced by `get`.
    let path = cache.path().join("tiny").join(contents[0].0);
    let mut damaged = contents[0].1.clone();
    damaged[100] ^= 1;
    fs::write(&path, packed(&damaged, Compression::fast())).unwrap();
    assert!(matches!(open_entry(entry, &options), Err(DataError::WrongHash { .. })));
    let again = Server::new([whole(&packed(&contents[0].1, Compression::best()))]);
    let options = OpenOptions { base_urls: vec![again.url.clone()], ..options };
    let got = get_entry(entry, None, &options, &mut |_| {}).unwrap();
    assert_eq!(hows(&got), [How::Downloaded, How::Present, How::Present, How::Present]);
    assert_eq!(open_entry(entry, &options).unwrap().fingerprint, dataset.fingerprint);
}

#[test]
fn files_are_taken_from_a_folder_whatever_their_packing_and_spelling() {
    let (entry, contents) = entry();
    let mut fingerprints = Vec::new();
    for (inside, dotted, gz) in [("", false, true), ("", true, false), ("tiny", false, false), ("tiny", true, true)] {
        let (from, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::create_dir_all(from.path().join(inside)).unwrap();
        for (name, bytes) in &contents {
            let name = if dotted { name.replace("-idx", ".idx") } else { (*name).to_owned() };
            let (name, bytes) = if gz {
                // Packed otherwise than officially: only the contents count.
                (name, packed(bytes, Compression::fast()))
            } else {
                (name.replace(".gz", ""), bytes.clone())
            };
            fs::write(from.path().join(inside).join(name), bytes).unwrap();
        }
        let options = OpenOptions { cache: Some(cache.path().to_owned()), ..Default::default() };
        let got = get_entry(entry, Some(from.path()), &options, &mut |_| {}).unwrap();
        assert!(got.files.iter().all(|file| file.how == How::Copied && file.path.is_file()));
        fingerprints.push(open_entry(entry, &options).unwrap().fingerprint);
    }
    fingerprints.dedup();
    assert_eq!(fingerprints.len(), 1);
}

#[test]
fn a_wrong_or_missing_file_in_the_folder_is_named_and_nothing_half_written_remains() {
    let (entry, contents) = entry();
    let (from, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let options = OpenOptions { cache: Some(cache.path().to_owned()), ..Default::default() };
    let error = get_entry(entry, Some(from.path()), &options, &mut |_| {}).unwrap_err();
    assert!(
        matches!(&error, DataError::NotInFolder { file, tried, .. } if file == contents[0].0 && tried.len() == 8),
        "{error}"
    );

    let path = from.path().join(contents[0].0);
    fs::write(&path, packed(&contents[2].1, Compression::best())).unwrap();
    let error = get_entry(entry, Some(from.path()), &options, &mut |_| {}).unwrap_err();
    assert!(matches!(&error, DataError::WrongHash { path: at, .. } if *at == path), "{error}");
    assert_eq!(names(&cache.path().join("tiny")), [".lock"]);

    let error = get_entry(entry, Some(&path), &options, &mut |_| {}).unwrap_err();
    assert!(matches!(error, DataError::NotFound { .. }), "{error}");
}

#[test]
fn a_damaged_file_of_another_spelling_does_not_stay_in_the_way() {
    let (entry, contents) = entry();
    let (from, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for (name, bytes) in &contents {
        fs::write(from.path().join(name.replace(".gz", "")), bytes).unwrap();
    }
    let folder = cache.path().join("tiny");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(contents[0].0), "damaged").unwrap();
    let options = OpenOptions { cache: Some(cache.path().to_owned()), ..Default::default() };
    get_entry(entry, Some(from.path()), &options, &mut |_| {}).unwrap();
    assert!(!folder.join(contents[0].0).exists());
    open_entry(entry, &options).unwrap();
}

#[test]
fn a_copy_that_cannot_get_its_name_is_removed() {
    let (entry, contents) = entry();
    let (from, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::write(from.path().join(contents[0].0), packed(&contents[0].1, Compression::fast())).unwrap();
    // A folder of that name is in the way.
    let folder = cache.path().join("tiny");
    fs::create_dir_all(folder.join(contents[0].0).join("inside")).unwrap();
    let options = OpenOptions { cache: Some(cache.path().to_owned()), ..Default::default() };
    let error = get_entry(entry, Some(from.path()), &options, &mut |_| {}).unwrap_err();
    assert!(matches!(&error, DataError::Io { action: "rename to", .. }), "{error}");
    assert_eq!(names(&folder), [".lock", contents[0].0]);
}

#[test]
fn a_second_process_at_the_same_folder_is_turned_away() {
    let (entry, _) = entry();
    let cache = tempfile::tempdir().unwrap();
    let options = OpenOptions { cache: Some(cache.path().to_owned()), ..Default::default() };
    fs::create_dir_all(cache.path().join("tiny")).unwrap();
    let other = File::create(cache.path().join("tiny/.lock")).unwrap();
    other.try_lock().unwrap();
    let error = get_entry(entry, None, &options, &mut |_| {}).unwrap_err();
    assert!(matches!(error, DataError::Busy { .. }), "{error}");
}
