//! The image: made by the stage `dist`, and what it says of itself.

use std::path::Path;
use std::time::Duration;

use ottla_tests::folders;

use crate::engine::Engine;

/// A name that is nobody's, so that no image of a user is taken away.
const NAME: &str = "ottla:proof";
const BUILT_WITHIN: Duration = Duration::from_secs(300);

/// An image, removed at the end.
pub(crate) struct Image<'a> {
    pub(crate) engine: &'a Engine,
}

impl<'a> Image<'a> {
    /// Makes it from the folder and looks at what it says.
    pub(crate) fn build(engine: &'a Engine, context: &Path) -> Image<'a> {
        engine
            .docker(&["build", "--target", "dist", "--tag", NAME, "--file"])
            .arg(folders::workspace().join("docker").join("Dockerfile"))
            .arg(context)
            .env("DOCKER_BUILDKIT", "1")
            .within(BUILT_WITHIN)
            .succeed();
        let image = Image { engine };
        let says = |template: &str| engine.inspect("image", NAME, template);
        assert_eq!(says("{{.Config.User}}"), "10001:10001");
        assert_eq!(says("{{json .Config.Volumes}}"), r#"{"/data":{}}"#);
        assert_eq!(says("{{.Config.StopSignal}}"), "SIGTERM");
        assert!(says("{{json .Config.Healthcheck.Test}}").contains(r#""/bin/ottla","health""#));
        println!("image: {} bytes, user 10001", says("{{.Size}}"));
        image
    }

    /// What containers of it are made from.
    pub(crate) fn name(&self) -> &'static str {
        NAME
    }
}

impl Drop for Image<'_> {
    fn drop(&mut self) {
        self.engine.docker(&["image", "rm", "--force", NAME]).run();
    }
}
