//! The settings of backups.

use std::path::{Path, PathBuf};

use clap::{Args, value_parser};

use crate::backup::{
    BackupCommand, BackupFolder, Interval, InvalidTiming, KeptBackups, ScheduleSettings, TimeOfDay,
    Timing, Webhook, WebhookUrl,
};

/// The largest number of kept backups of each kind: 100 years of days. A larger one is a mistake.
const KEPT_MAX: i64 = 36_500;

/// The settings `backup_…`.
#[derive(Args, Clone, Debug)]
pub struct BackupConfig {
    /// Folder in which backups are stored, outside of the data directory and best on another disk. It must
    /// exist [default: backups in the data directory]
    #[arg(long, env = "SATCHEL_BACKUP_DIR", value_name = "DIR", help_heading = "Backups",
          value_parser = BackupDir::parse)]
    backup_dir: Option<BackupDir>,

    /// Time between two scheduled backups, such as 6h, 1d or 1w [default with backup_at: 1d]
    #[arg(long, env = "SATCHEL_BACKUP_EVERY", value_name = "INTERVAL", help_heading = "Backups")]
    backup_every: Option<Interval>,

    /// Time of the day in UTC at which a scheduled backup is made, such as 02:30
    #[arg(long, env = "SATCHEL_BACKUP_AT", value_name = "HH:MM", help_heading = "Backups")]
    backup_at: Option<TimeOfDay>,

    /// Number of days of which the newest scheduled backup is kept. Without a number of days, weeks or
    /// months, all are kept
    #[arg(long, env = "SATCHEL_BACKUP_KEEP_DAILY", value_name = "DAYS", help_heading = "Backups",
          value_parser = value_parser!(u32).range(0..=KEPT_MAX))]
    backup_keep_daily: Option<u32>,

    /// Number of weeks of which the newest scheduled backup is kept
    #[arg(long, env = "SATCHEL_BACKUP_KEEP_WEEKLY", value_name = "WEEKS", help_heading = "Backups",
          value_parser = value_parser!(u32).range(0..=KEPT_MAX))]
    backup_keep_weekly: Option<u32>,

    /// Number of months of which the newest scheduled backup is kept
    #[arg(long, env = "SATCHEL_BACKUP_KEEP_MONTHLY", value_name = "MONTHS", help_heading = "Backups",
          value_parser = value_parser!(u32).range(0..=KEPT_MAX))]
    backup_keep_monthly: Option<u32>,

    /// Executable file that is run with the path of each good scheduled backup, for example to copy it to
    /// another machine
    #[arg(long, env = "SATCHEL_BACKUP_COMMAND", value_name = "FILE", help_heading = "Backups",
          value_parser = CommandFile::parse)]
    backup_command: Option<CommandFile>,

    /// Time after which this command is killed [default: 1h]
    #[arg(
        long,
        env = "SATCHEL_BACKUP_COMMAND_TIME",
        value_name = "INTERVAL",
        help_heading = "Backups"
    )]
    backup_command_time: Option<Interval>,

    /// URL that gets a JSON document by POST after each scheduled backup and each failure
    #[arg(long, env = "SATCHEL_BACKUP_WEBHOOK", value_name = "URL", help_heading = "Backups")]
    backup_webhook: Option<WebhookUrl>,

    /// PEM file of the certificate of this URL's server, or of its authority [default: the public authorities]
    #[arg(long, env = "SATCHEL_BACKUP_WEBHOOK_CA", value_name = "FILE", help_heading = "Backups")]
    backup_webhook_ca: Option<PathBuf>,
}

/// The default of the longest time of the command: a slow line needs hours for a large backup.
const COMMAND_TIME_MAX: Interval = Interval::of_seconds(60 * 60);

/// The settings of backups do not fit together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BackupSettingsError {
    /// A setting is about scheduled backups, and none are made.
    #[error("the setting {setting} has no effect without backup_every or backup_at")]
    NoSchedule {
        /// The name of the setting.
        setting: &'static str,
    },
    /// A setting is about another one, which is missing.
    #[error("the setting {setting} has no effect without {needed}")]
    Unused {
        /// The name of the setting.
        setting: &'static str,
        /// The setting that it needs.
        needed: &'static str,
    },
    /// The times do not fit together.
    #[error(transparent)]
    Timing(#[from] InvalidTiming),
}

impl BackupConfig {
    /// The folder of stored backups.
    pub fn folder(&self) -> BackupFolder {
        match &self.backup_dir {
            Some(BackupDir(path)) => BackupFolder::At(path.clone()),
            None => BackupFolder::InData,
        }
    }

    /// The settings of scheduled backups. `None` if none are made. `server` is the name of the server.
    ///
    /// # Errors
    /// Every variant of [`BackupSettingsError`].
    pub fn schedule(&self, server: &str) -> Result<Option<ScheduleSettings>, BackupSettingsError> {
        let every = match (self.backup_every, self.backup_at) {
            (Some(every), _) => every,
            (None, Some(_)) => Interval::DAY,
            (None, None) => {
                return match self.first_without_schedule() {
                    Some(setting) => Err(BackupSettingsError::NoSchedule { setting }),
                    None => Ok(None),
                };
            }
        };
        let timing = Timing::new(every, self.backup_at)?;
        let kept = KeptBackups {
            daily: self.backup_keep_daily.unwrap_or_default(),
            weekly: self.backup_keep_weekly.unwrap_or_default(),
            monthly: self.backup_keep_monthly.unwrap_or_default(),
        };
        let time_max = self.backup_command_time.unwrap_or(COMMAND_TIME_MAX);
        let command = self.backup_command.as_ref();
        let command =
            command.map(|CommandFile(path)| BackupCommand { path: path.clone(), time_max });
        let webhook = self.backup_webhook.clone().map(|url| Webhook {
            url,
            authority: self.backup_webhook_ca.clone(),
            server: server.to_owned(),
        });
        let is_unused = |is_set: bool, is_used: bool| is_set && !is_used;
        if is_unused(self.backup_command_time.is_some(), command.is_some()) {
            return Err(BackupSettingsError::Unused {
                setting: "backup_command_time",
                needed: "backup_command",
            });
        }
        let is_encrypted = webhook.as_ref().is_some_and(|webhook| webhook.url.is_encrypted());
        if is_unused(self.backup_webhook_ca.is_some(), is_encrypted) {
            return Err(BackupSettingsError::Unused {
                setting: "backup_webhook_ca",
                needed: "a backup_webhook that begins with https://",
            });
        }
        Ok(Some(ScheduleSettings { timing, kept, command, webhook }))
    }

    /// Returns the name of a setting that has a value, and needs scheduled backups.
    fn first_without_schedule(&self) -> Option<&'static str> {
        let settings = [
            ("backup_keep_daily", self.backup_keep_daily.is_some()),
            ("backup_keep_weekly", self.backup_keep_weekly.is_some()),
            ("backup_keep_monthly", self.backup_keep_monthly.is_some()),
            ("backup_command", self.backup_command.is_some()),
            ("backup_command_time", self.backup_command_time.is_some()),
            ("backup_webhook", self.backup_webhook.is_some()),
            ("backup_webhook_ca", self.backup_webhook_ca.is_some()),
        ];
        settings.into_iter().find(|(_, is_set)| *is_set).map(|(name, _)| name)
    }
}

/// The value of the setting `backup_dir`: an absolute path.
#[derive(Clone, Debug)]
pub struct BackupDir(PathBuf);

impl BackupDir {
    /// Parses the value of the setting.
    ///
    /// # Errors
    /// A message if the path is not absolute.
    pub fn parse(text: &str) -> Result<Self, String> {
        absolute_path(text).map(Self)
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

/// The value of the setting `backup_command`: an absolute path. No shell reads it, and it has no arguments.
#[derive(Clone, Debug)]
struct CommandFile(PathBuf);

impl CommandFile {
    fn parse(text: &str) -> Result<Self, String> {
        let hint = "; for a program with arguments, write a script";
        absolute_path(text).map(Self).map_err(|message| message + hint)
    }
}

/// Parses an absolute path: the directory in which a service starts is not that of a command.
fn absolute_path(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    if !path.is_absolute() {
        return Err("expected an absolute path, which begins with “/”".to_owned());
    }
    Ok(path)
}
