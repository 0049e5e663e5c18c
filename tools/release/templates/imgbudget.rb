class Imgbudget < Formula
  include Language::Python::Virtualenv

  desc "Linter for images and requests that are sent to vision models"
  homepage "@home@"
  url "@sdist_url@"
  sha256 "@sdist_sha256@"
  license "@license@"

  depends_on "libyaml"
  depends_on "pillow" => :no_linkage
  depends_on "python@@python@"

@resources@

  def install
    virtualenv_install_with_resources
    generate_completions_from_executable(bin/"@command@", shell_parameter_format: :click)
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/@command@ --version")
    cp test_fixtures("test.png"), testpath/"tiny.png"
    assert_match "tiny.png: IB301", shell_output("#{bin}/@command@ check tiny.png --format concise", 1)
  end
end
