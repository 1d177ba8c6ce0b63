//! Images as files, and folders of them.

use std::fs;
use std::path::{Path, PathBuf};

use image::{ExtendedColorType, ImageFormat};

use crate::error::CliError;

/// A folder that is being filled, and removed unless it is finished.
pub struct Unfinished(pub PathBuf);

impl Unfinished {
    /// Beside where it is to be, so that it can be renamed.
    pub fn beside(out: &Path) -> Result<Self, CliError> {
        let Some(name) = out.file_name() else {
            let message = format!("`{}` is no name for a folder", out.display());
            return Err(CliError::usage(message, "for example `--out filled`"));
        };
        let parent = out.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::create_dir_all(parent).map_err(|e| CliError::io("create", parent, &e))?;
        let folder = parent.join(format!(".{}.{}.unfinished", name.to_string_lossy(), std::process::id()));
        fs::create_dir(&folder).map_err(|e| CliError::io("create", &folder, &e))?;
        Ok(Self(folder))
    }

    /// Gives it its name.
    pub fn finish(&self, out: &Path) -> Result<(), CliError> {
        fs::rename(&self.0, out).map_err(|e| CliError::io("rename to", out, &e))
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // After `finish` there is nothing left; after an error it is told already.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Writes an image of bytes `[channels, height, width]`, of 1 or 3 channels.
pub fn save_png(path: &Path, planes: &[u8], [channels, height, width]: [usize; 3]) -> Result<(), CliError> {
    let colour = if channels == 3 { ExtendedColorType::Rgb8 } else { ExtendedColorType::L8 };
    // Pixel by pixel, not plane by plane.
    let pixels: Vec<u8> = (0..height * width)
        .flat_map(|at| (0..channels).map(move |channel| planes[channel * height * width + at]))
        .collect();
    image::save_buffer_with_format(path, &pixels, width as u32, height as u32, colour, ImageFormat::Png)
        .map_err(|e| CliError::failure(format!("cannot write {}: {e}", path.display())))
}

/// A value in [-1, 1] as a byte.
pub fn to_byte(x: f32) -> u8 {
    ((x.clamp(-1.0, 1.0) + 1.0) * 127.5).round() as u8
}
