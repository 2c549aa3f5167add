// A server on openapi-backend, as its own guide builds one: openapi_backend.js FOLDER SPEC PORT.
const http = require("http");
const path = require("path");
const [folder, definition, port] = process.argv.slice(2);
const { OpenAPIBackend } = require(path.join(folder, "node_modules", "openapi-backend"));

const answered = (status, body) => ({ status, body: JSON.stringify(body) });
const api = new OpenAPIBackend({
  definition,
  quick: true,
  ajvOpts: { strict: false },
  handlers: {
    validationFail: (context) => answered(400, { error: context.validation.errors }),
    notFound: () => answered(404, { error: "not found" }),
    notImplemented: (context) => {
      const { status, mock } = context.api.mockResponseForOperation(context.operation.operationId);
      return answered(status, mock);
    },
  },
});

const asked = async (request, text) => {
  const [place, query] = request.url.split("?");
  return api.handleRequest({
    method: request.method,
    path: place,
    query,
    body: text ? JSON.parse(text) : undefined,
    headers: request.headers,
  });
};

api.init().then(() => {
  http
    .createServer((request, response) => {
      let text = "";
      request.on("data", (chunk) => (text += chunk));
      request.on("end", () =>
        asked(request, text)
          .catch((error) => answered(500, { error: String(error) }))
          .then((said) => {
            response.writeHead(said.status, { "content-type": "application/json" });
            response.end(said.body);
          }),
      );
    })
    .listen(Number(port), "127.0.0.1");
});
