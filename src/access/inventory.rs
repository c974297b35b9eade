//! Accounts of the users in the inventory.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};

use super::{
    Account, Accounts, AccountsError, BuiltInGroup, CachedAccount, FIRST_USER_NAME,
    FIRST_USER_PASSWORD, Grants, HashError, LdapUser, Membership, PasswordError, Reach,
    RecordRights, RefusedName, RequestLists, Right, Rights, RightsModel, SetPassword,
    check_new_password, check_new_user_name, check_user_name, hash_password, ldap_record,
    password::{StoredHash, is_password},
};
use crate::{
    model::{Entity, Field, Group, Kind, Name, Secret, Target, User, look_alike_key},
    store::{LiveView, Origin, Store, StoreError},
};

/// The largest number of accounts in the cache, of about 300 bytes each. A further account clears
/// the cache.
const ACCOUNTS_MAX: usize = 1024;

/// The value of `authentication` of users whose password is in the inventory.
const PASSWORD_IN_INVENTORY: &str = "database";

/// The accounts of the inventory. Accounts that were read stay in the cache until any user changes, or
/// any group if groups decide about rights.
pub struct InventoryAccounts {
    store: Arc<Store>,
    model: RightsModel,
    cache: RwLock<Cache>,
}

/// The accounts of one version of the users and groups.
#[derive(Default)]
struct Cache {
    /// `None` before the first read.
    version: Option<AccountsVersion>,
    accounts: HashMap<String, Arc<Account>>,
}

/// The version of the last change of any user and of any group.
#[derive(Clone, Copy, PartialEq, Eq)]
struct AccountsVersion {
    users: u64,
    /// 0 if groups do not decide about rights.
    groups: u64,
}

impl InventoryAccounts {
    /// Returns the accounts of this store, with rights by this model. The cache is empty.
    pub fn new(store: Arc<Store>, model: RightsModel) -> Self {
        Self { store, model, cache: RwLock::default() }
    }

    fn version(&self) -> Result<AccountsVersion, StoreError> {
        let groups = match self.model {
            RightsModel::Login => 0,
            RightsModel::Groups => self.store.changed(Kind::Group)?,
        };
        Ok(AccountsVersion { users: self.store.changed(Kind::User)?, groups })
    }

    fn read(&self, name: &str) -> Result<Option<Arc<Account>>, StoreError> {
        // Taken before the lookup: if the account changes during the lookup, the cache entry carries
        // the old version and is not used.
        let version = self.version()?;
        let reading = self.store.read();
        let Some(mut user) = reading.get::<User>(name)?.map(|stored| stored.record) else {
            return Ok(None);
        };
        reading.decrypt_secrets(&mut user)?;
        let account = Arc::new(Account {
            name: name.to_owned(),
            password_hash: user.password.get().and_then(Secret::plain),
            other_authentication: user
                .authentication
                .get()
                .filter(|method| *method != PASSWORD_IN_INVENTORY)
                .cloned(),
            grants: match (user.is_admin.get(), self.model) {
                (Some(true), _) => Grants::ALL,
                (Some(false) | None, RightsModel::Login) => Grants::of_login(Rights::USER),
                (Some(false) | None, RightsModel::Groups) => grants_of_groups(&reading, name)?,
            },
        });
        self.keep(version, account.clone());
        Ok(Some(account))
    }

    fn keep(&self, version: AccountsVersion, account: Arc<Account>) {
        let mut cache = self.cache.write().unwrap_or_else(PoisonError::into_inner);
        if cache.version != Some(version) || cache.accounts.len() >= ACCOUNTS_MAX {
            cache.accounts.clear();
            cache.version = Some(version);
        }
        cache.accounts.insert(account.name.clone(), account);
    }
}

impl Accounts for InventoryAccounts {
    fn cached(&self, name: &str) -> CachedAccount {
        // The read that follows reports an error of the store.
        let Ok(version) = self.version() else { return CachedAccount::Missing };
        let cache = self.cache.read().unwrap_or_else(PoisonError::into_inner);
        match cache.accounts.get(name) {
            Some(account) if cache.version == Some(version) => {
                CachedAccount::Found(account.clone())
            }
            Some(_) | None => CachedAccount::Missing,
        }
    }

    fn account(&self, name: &str) -> Result<Option<Arc<Account>>, AccountsError> {
        self.read(name).map_err(|error| AccountsError(Box::new(error)))
    }

    fn save_ldap_user(&self, user: &LdapUser) -> Result<(), AccountsError> {
        ldap_record::save(&self.store, user).map_err(|error| AccountsError(Box::new(error)))
    }

    fn set_password(
        &self,
        origin: &Origin,
        name: &str,
        password: &str,
    ) -> Result<SetPassword, PasswordError> {
        set_password(&self.store, origin, name, password, NewRights::AsBefore)
    }
}

/// The grants of a user by the groups that contain it.
fn grants_of_groups(reading: &LiveView, user: &str) -> Result<Grants, StoreError> {
    let mut groups = HashSet::new();
    reading.each_referrer(Target::Kind(Kind::User), user, |kind, property, name| {
        if kind == Kind::Group && property == "users" {
            groups.insert(name.to_owned());
        }
    })?;
    let mut rights = Rights::of(&[Right::Public, Right::Own]);
    let mut requests = RequestLists::default();
    let mut reach = Reach::Named;
    for name in &groups {
        let built_in = BuiltInGroup::of(name);
        rights = rights.union(built_in.map_or(Rights::ANONYMOUS, BuiltInGroup::rights));
        if built_in == Some(BuiltInGroup::Operators) {
            reach = reach.max(Reach::Everything);
        }
        // It might have been removed since it was found.
        let Some(group) = reading.get::<Group>(name)?.map(|stored| stored.record) else { continue };
        requests.add(&group);
        if group.force_read_access.get() == Some(&true) {
            reach = reach.max(Reach::ReadAll);
        }
    }
    let membership = Membership { user: user.to_owned(), groups, reach };
    Ok(Grants {
        rights,
        requests: Some(requests).filter(|lists| !lists.is_empty()).map(Arc::new),
        listed: RequestLists::GRANTED,
        records: RecordRights::Groups(Arc::new(membership)),
    })
}

/// Creates the first user, an administrator, in an inventory that was never changed. Returns
/// whether it did. An inventory that lost its users gets no new user, because the default password
/// is public.
///
/// # Errors
/// [`PasswordError::Store`] if the store cannot be read or written; [`PasswordError::Hash`] if the
/// system provides no random numbers.
pub fn create_first_user(store: &Store) -> Result<bool, PasswordError> {
    if store.read().summary()?.version > 0 {
        return Ok(false);
    }
    let password = Secret::from_plain(&hash_password(FIRST_USER_PASSWORD)?);
    let mut user = new_user(first_user_name());
    user.is_admin = Field::Set(true);
    user.password = Field::Set(password);
    let origin = Origin::internal("create_first_user");
    store.change(&origin, |transaction| transaction.put(user))?;
    Ok(true)
}

/// Makes sure that nobody logs in as the first user before a password is set by a set-up link: creates
/// the user without a password in a new inventory, or removes the default password. So the link is
/// needed until somebody has used it, whatever the options of later starts.
///
/// # Errors
/// [`StoreError`] if the store cannot be read or written.
pub fn lock_first_user(store: &Store, state: FirstUser) -> Result<(), StoreError> {
    match state {
        FirstUser::NewInventory | FirstUser::HasDefaultPassword => {}
        FirstUser::Other => return Ok(()),
    }
    store.change(&Origin::internal("lock_first_user"), |transaction| {
        let existing = transaction.get::<User>(FIRST_USER_NAME)?.map(|stored| stored.record);
        let mut user = existing.unwrap_or_else(|| new_user(first_user_name()));
        user.is_admin = Field::Set(true);
        user.password = Field::Null;
        transaction.put(user).map(drop)
    })
}

fn first_user_name() -> Name {
    Name::parse(FIRST_USER_NAME.to_owned())
        .unwrap_or_else(|(rule, _)| unreachable!("the first user's name is a name: {rule}"))
}

/// The state of the first user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirstUser {
    /// The inventory was never changed, so it has no users.
    NewInventory,
    /// The first user has the default password, which is public.
    HasDefaultPassword,
    /// The first user has another password, none, or was deleted.
    Other,
}

/// Returns the state of the first user. Takes the time of a password check.
///
/// # Errors
/// [`StoreError`] if the store cannot be read, or the password was encrypted with another key.
pub fn first_user(store: &Store) -> Result<FirstUser, StoreError> {
    let reading = store.read();
    if reading.summary()?.version == 0 {
        return Ok(FirstUser::NewInventory);
    }
    let Some(mut user) = reading.get::<User>(FIRST_USER_NAME)?.map(|stored| stored.record) else {
        return Ok(FirstUser::Other);
    };
    reading.decrypt_secrets(&mut user)?;
    let has_default = user
        .password
        .get()
        .and_then(Secret::plain)
        .is_some_and(|phc| is_password(FIRST_USER_PASSWORD, &phc));
    Ok(if has_default { FirstUser::HasDefaultPassword } else { FirstUser::Other })
}

/// Returns whether the inventory has an administrator with a password, who can log in.
///
/// # Errors
/// [`StoreError::UndecryptableSecret`] if a password was encrypted with another key; others if the store cannot
/// be read.
pub fn has_able_administrator(store: &Store) -> Result<bool, StoreError> {
    let reading = store.read();
    for stored in reading.scan::<User>() {
        let mut user = match stored {
            Ok(stored) => stored.record,
            // A damaged user must not prevent the logins of others.
            Err(error) if error.is_damage() => continue,
            Err(error) => return Err(error),
        };
        // The secrets of other users stay encrypted.
        if user.is_admin.get() == Some(&true) {
            reading.decrypt_secrets(&mut user)?;
            if is_active_administrator(&user) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// Returns whether this user is an administrator who can log in: the password is a hash that a login
/// accepts, and people and HTTP can write the name. The secret must not be encrypted.
pub fn is_active_administrator(user: &User) -> bool {
    let password = user.password.get().and_then(Secret::plain);
    user.is_admin.get() == Some(&true)
        && check_user_name(&user.name).is_ok()
        && password.is_some_and(|phc| StoredHash::parse(&phc).is_ok())
}

/// Returns whether the password with this hash is the user's name, as in the examples of eNMS. Takes the
/// time of a password check.
pub fn is_password_the_name(name: &str, phc: &str) -> bool {
    is_password(name, phc)
}

/// Returns the reason why a login cannot use this hash, such as parameters over the limits.
pub fn unusable_hash(phc: &str) -> Option<HashError> {
    StoredHash::parse(phc).err()
}

/// The rights of a user after [`set_password`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewRights {
    /// The rights stay the same. A missing user is not created.
    AsBefore,
    /// The user becomes an administrator, and is created if missing.
    Administrator,
}

/// Changes the password of a user. A user whose password another server checked has one in the inventory
/// afterwards. `origin` is for the history.
///
/// # Errors
/// [`PasswordError::Refused`] for a weak password; [`PasswordError::Name`] for the name of a user that
/// would be created; [`PasswordError::Store`] if the store cannot be read
/// or written; [`PasswordError::Hash`] if the system provides no random numbers.
pub fn set_password(
    store: &Store,
    origin: &Origin,
    name: &str,
    password: &str,
    rights: NewRights,
) -> Result<SetPassword, PasswordError> {
    match (store.read().contains(Kind::User, name)?, rights) {
        (true, _) => {}
        (false, NewRights::AsBefore) => return Ok(SetPassword::NoSuchUser),
        (false, NewRights::Administrator) => {
            check_new_user_name(name)?;
            refuse_look_alike(store, name)?;
        }
    }
    check_new_password(name, password)?;
    let password = Secret::from_plain(&hash_password(password)?);
    store.change(origin, |transaction| {
        let existing = transaction.get::<User>(name)?.map(|stored| stored.record);
        let mut user = match (existing, Name::parse(name.to_owned())) {
            (Some(user), _) => user,
            (None, Ok(name)) if rights == NewRights::Administrator => new_user(name),
            (None, _) => return Ok(SetPassword::NoSuchUser),
        };
        if rights == NewRights::Administrator {
            user.is_admin = Field::Set(true);
        }
        user.password = Field::Set(password);
        if user.authentication.get().is_some_and(|method| method != PASSWORD_IN_INVENTORY) {
            user.authentication = Field::Set(PASSWORD_IN_INVENTORY.to_owned());
        }
        transaction.put(user)?;
        Ok(SetPassword::Done)
    })
}

/// Refuses a name that looks like the name of a user.
///
/// # Errors
/// [`PasswordError::Name`], [`PasswordError::Store`].
fn refuse_look_alike(store: &Store, name: &str) -> Result<(), PasswordError> {
    let key = look_alike_key(name);
    for user in store.read().scan_raw(Kind::User) {
        let existing = String::from_utf8_lossy(&user?.0).into_owned();
        if look_alike_key(&existing) == key {
            return Err(RefusedName::LooksLike { existing }.into());
        }
    }
    Ok(())
}

/// A new user who logs in with a password in the inventory.
fn new_user(name: Name) -> User {
    let mut user = User::named(name);
    user.authentication = Field::Set(PASSWORD_IN_INVENTORY.to_owned());
    user.r#type = Field::Set("user".to_owned());
    user
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rights(accounts: &InventoryAccounts, name: &str) -> Option<Rights> {
        match accounts.cached(name) {
            CachedAccount::Found(account) => Some(account.grants.rights),
            CachedAccount::Missing => None,
        }
    }

    #[test]
    fn an_administrator_who_cannot_log_in_does_not_count() {
        let hash = hash_password("secret").unwrap();
        let counts = |name: &str, is_admin, phc: &str| {
            let mut user = User::named(Name::parse(name.to_owned()).unwrap());
            user.is_admin = Field::Set(is_admin);
            user.password = Field::Set(Secret::from_plain(phc));
            is_active_administrator(&user)
        };
        assert!(counts("é>b 100%", true, &hash));
        assert!(!counts("é>b 100%", false, &hash));
        for phc in ["", "secret", "$argon2id$", &hash.replace("m=19456", "m=4194304")] {
            assert!(!counts("é>b 100%", true, phc), "{phc}");
        }
        // HTTP basic authentication ends the name at its first colon.
        assert!(!counts("é:b", true, &hash));
        assert!(!counts("\u{200b}", true, &hash));
    }

    #[test]
    fn the_default_password_is_detected() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        assert_eq!(first_user(&store).unwrap(), FirstUser::NewInventory);
        create_first_user(&store).unwrap();
        assert_eq!(first_user(&store).unwrap(), FirstUser::HasDefaultPassword);
        let origin = Origin::internal("test");
        set_password(&store, &origin, FIRST_USER_NAME, "Oslo Fjord 9", NewRights::AsBefore)
            .unwrap();
        assert_eq!(first_user(&store).unwrap(), FirstUser::Other);
    }

    #[test]
    fn a_new_password_makes_an_ldap_user_a_local_one() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let origin = Origin::internal("test");
        let mut eva = new_user(Name::parse("eva".to_owned()).unwrap());
        eva.authentication = Field::Set("ldap".to_owned());
        store.change(&origin, |transaction| transaction.put(eva)).unwrap();
        set_password(&store, &Origin::internal("test"), "eva", "Oslo Fjord 9", NewRights::AsBefore)
            .unwrap();
        let eva = store.read().get::<User>("eva").unwrap().unwrap().record;
        assert_eq!(eva.authentication, Field::Set("database".to_owned()));
    }

    #[test]
    fn an_account_stays_cached_until_a_user_changes() {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(folder.path()).unwrap());
        create_first_user(&store).unwrap();
        let accounts = InventoryAccounts::new(store.clone(), RightsModel::Login);
        assert_eq!(rights(&accounts, FIRST_USER_NAME), None);
        accounts.account(FIRST_USER_NAME).unwrap();
        assert_eq!(rights(&accounts, FIRST_USER_NAME), Some(Rights::ALL));
        assert!(accounts.account("é>b").unwrap().is_none());
        assert_eq!(rights(&accounts, "é>b"), None);

        store
            .change(&Origin::internal("test"), |transaction| {
                let user = transaction.get::<User>(FIRST_USER_NAME)?;
                let mut user = user.map(|stored| stored.record).unwrap();
                user.is_admin = Field::Set(false);
                transaction.put(user)
            })
            .unwrap();
        assert_eq!(rights(&accounts, FIRST_USER_NAME), None);
        let account = accounts.account(FIRST_USER_NAME).unwrap().unwrap();
        assert_eq!(account.grants.rights, Rights::USER);
        assert_eq!(rights(&accounts, FIRST_USER_NAME), Some(Rights::USER));
    }

    #[test]
    fn the_cache_is_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let accounts = InventoryAccounts::new(
            Arc::new(Store::open(folder.path()).unwrap()),
            RightsModel::Login,
        );
        for number in 0..=ACCOUNTS_MAX {
            let name = number.to_string();
            let account = Account {
                name,
                password_hash: None,
                other_authentication: None,
                grants: Grants::of_login(Rights::USER),
            };
            accounts.keep(AccountsVersion { users: 1, groups: 0 }, Arc::new(account));
        }
        assert_eq!(accounts.cache.read().unwrap().accounts.len(), 1);
    }

    fn store_with_groups(groups: &[Group]) -> (tempfile::TempDir, Arc<Store>) {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(folder.path()).unwrap());
        let put = |transaction: &mut crate::store::Transaction<'_>| -> Result<(), StoreError> {
            transaction.put(User::named(Name::parse("o-hara é".to_owned()).unwrap()))?;
            groups.iter().try_for_each(|group| transaction.put(group.clone()).map(drop))
        };
        store.change(&Origin::internal("test"), put).unwrap();
        (folder, store)
    }

    fn group(name: &str, has_user: bool) -> Group {
        let mut group = Group::named(Name::parse(name.to_owned()).unwrap());
        let users = has_user.then(|| crate::model::Ref::new("o-hara é"));
        group.users = Field::Set(users.into_iter().collect());
        group
    }

    fn grants(accounts: &InventoryAccounts) -> Grants {
        accounts.account("o-hara é").unwrap().unwrap().grants.clone()
    }

    #[test]
    fn the_groups_of_a_user_decide_if_the_model_says_so() {
        let mut listing = group("é>b", true);
        listing.get_requests = Field::Set(crate::model::Value::List(vec!["/rest/query".into()]));
        let (_folder, store) = store_with_groups(&[listing, group("operators", false)]);
        let by_login = InventoryAccounts::new(store.clone(), RightsModel::Login);
        assert_eq!(grants(&by_login), Grants::of_login(Rights::USER));

        let accounts = InventoryAccounts::new(store.clone(), RightsModel::Groups);
        let listed = grants(&accounts);
        assert_eq!(listed.rights, Rights::of(&[Right::Public, Right::Own]));
        assert!(listed.allow(Right::Read, "GET", "/rest/query/{kind}"));
        assert!(!listed.allow(Right::Read, "GET", "/rest/count"));
        assert!(!listed.records.reads_everything());

        // A changed group ends the cache entry.
        let join = |transaction: &mut crate::store::Transaction<'_>| {
            transaction.put(group("operators", true))
        };
        store.change(&Origin::internal("test"), join).unwrap();
        assert!(matches!(accounts.cached("o-hara é"), CachedAccount::Missing));
        let operator = grants(&accounts);
        assert!(operator.allow(Right::Import, "POST", "/rest/migrate/import"));
        assert!(!operator.allow(Right::Administer, "POST", "/rest/undo"));
        assert!(operator.records.reads_everything());
    }
}
